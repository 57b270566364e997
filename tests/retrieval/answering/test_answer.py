"""Answers from the passages themselves, from servers and from a GGUF."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.config import Context
from ragfactory.context.remote.servers import servers_of
from ragfactory.errors import ModelUnavailableError
from ragfactory.retrieval.answering.answer import extracted, written
from ragfactory.retrieval.answering.gguf import ProcessorWriter
from ragfactory.retrieval.answering.writers import ServerWriter
from tests.context.llama.tiny_gguf import prompts, shared_tiny_gguf
from tests.context.remote.model_servers import ModelServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.retrieval.answering.model import Source

    Passages = Callable[..., tuple[Source, ...]]

PUMP = "The pump on the roof cost 4,500 euro in 2023. It was replaced by the firm Waterman.\n\nNobody was hurt."
VALVE = "The valve in the cellar cost 120 euro in 2022."


def writer(*servers: ModelServer) -> ServerWriter:
    settings = Context(servers=tuple(server.url for server in servers), model="m", timeout_s=20)
    return ServerWriter(servers_of(settings), settings.window)


def test_sentences_of_the_passages_that_hold_the_questions_words(passages: Passages) -> None:
    answer = extracted("What did the pump on the roof cost?", passages(PUMP, VALVE))
    assert (answer.by, answer.found) == ("extract", True)
    assert answer.text == "The pump on the roof cost 4,500 euro in 2023. [1]"


def test_rows_of_a_table_are_sentences_too_and_rare_words_weigh_more(passages: Passages) -> None:
    table = "item | cost\npump | 4,500\nvalve | 120\nfilter | 9"
    (sentence,) = extracted("cost of the valve", passages(table)).sentences
    assert str(sentence) == "item: valve; cost: 120 [1]"
    assert sentence.quote == "valve | 120"


def test_where_no_sentence_shares_enough_nothing_is_found(passages: Passages) -> None:
    answer = extracted("Waar staat het zwembad van de burgemeester?", passages(PUMP, VALVE))
    assert (answer.found, answer.sentences) == (False, ())
    assert answer.text == "Geen zin van de gevonden passages beantwoordt de vraag."
    assert answer.sources, "what comes nearest"
    assert answer.nearest == "Wat er het dichtst bij komt:"
    assert extracted("Where is the pool of the mayor?", ()).text == "That is not in the documents."


@pytest.mark.parametrize(
    ("question", "nearest"),
    [
        ("Wo steht das Schwimmbad des Bürgermeisters?", "Was dem am nächsten kommt:"),
        ("Où se trouve la piscine du maire ?", "Ce qui s'en approche le plus :"),
        ("Where is the swimming pool of the mayor?", "What comes nearest:"),
    ],
)
def test_what_comes_nearest_is_announced_in_the_questions_language(
    question: str, nearest: str, passages: Passages
) -> None:
    answer = extracted(question, passages(PUMP))
    assert (answer.found, answer.nearest) == (False, nearest)
    assert answer.text != extracted(question, ()).text


@pytest.mark.parametrize("speaks", ["ollama", "openai"])
def test_a_server_is_told_on_as_it_writes(speaks: str, passages: Passages) -> None:
    told: list[str] = []
    with ModelServer(speaks=speaks, answer="The pump cost 4,500 euro [1]. It flew [2].", waits=True) as server:

        def listen(piece: str) -> None:
            told.append(piece)
            server.released.set()  # it goes on only when its first word was heard

        answer = written("What did the pump cost?", passages(PUMP, VALVE), writer(server), listen)
        assert "".join(told).split() == server.answer.split()
        (asked,) = server.asked
    assert len(told) > 5
    assert asked["stream"] is True
    assert "The valve in the cellar" in asked["messages"][1]["content"]
    assert answer.by == "http"
    assert answer.text == "The pump cost 4,500 euro. [1] It flew. [?]"


def test_a_server_that_does_not_stream_is_understood(passages: Passages) -> None:
    body = b'{"choices": [{"message": {"content": "The pump broke [1]."}}]}'
    with ModelServer(speaks="openai", says=lambda _n: (200, body)) as server:
        answer = written("What broke?", passages(PUMP), writer(server), lambda _piece: None)
    assert answer.text == "The pump broke. [1]"


def test_what_a_model_thinks_aloud_is_neither_told_nor_part_of_the_answer(passages: Passages) -> None:
    told: list[str] = []
    with ModelServer(answer="<think> The roof? No. </think> The pump broke [1].") as server:
        answer = written("What broke?", passages(PUMP), writer(server), told.append)
    assert answer.text == "The pump broke. [1]"
    assert "".join(told).strip() == "The pump broke [1]."


def test_a_model_that_finds_nothing_says_so_in_the_questions_language(passages: Passages) -> None:
    with ModelServer(answer="Dat staat niet in de documenten.") as server:
        answer = written("Wat kostte het zwembad van de burgemeester?", passages(PUMP), writer(server), lambda _: None)
    assert (answer.found, answer.text) == (False, "Dat staat niet in de documenten.")


def test_the_next_server_is_asked_where_one_fails_before_its_first_word(passages: Passages) -> None:
    with ModelServer(says=lambda _n: (500, b"{}")) as broken, ModelServer(answer="The pump broke [1].") as good:
        answer = written("What broke?", passages(PUMP), writer(broken, good), lambda _piece: None)
    assert answer.text == "The pump broke. [1]"


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ((200, b"<html>Log in</html>"), "HTML"),
        ((200, b'{"message": {"content": "The pu"}, "done": false}\n'), "broke off"),
        ((200, b'{"error": "no such model"}\n'), "other JSON"),
        ((404, b'{"error": "no such model"}'), "HTTP 404: no such model"),
        ((302, b""), "sends requests elsewhere"),
        ("close", "no answer"),
        ("cut", ""),
    ],
)
def test_a_server_that_gives_no_answer_is_named_with_the_reason(says: object, reason: str, passages: Passages) -> None:
    with ModelServer(says=lambda _n: says) as server:
        with pytest.raises(ModelUnavailableError) as caught:
            written("What broke?", passages(PUMP), writer(server), lambda _piece: None)
        assert server.url in caught.value.message
    assert reason in caught.value.message


def test_an_empty_answer_is_none(passages: Passages) -> None:
    with ModelServer(answer="<think> Hm.") as server, pytest.raises(ModelUnavailableError, match="wrote no answer"):
        written("What broke?", passages(PUMP), writer(server), lambda _piece: None)


def test_a_gguf_is_told_on_token_by_token(tmp_path_factory: pytest.TempPathFactory, passages: Passages) -> None:
    llama = ProcessorWriter(shared_tiny_gguf(tmp_path_factory), 8192)
    try:
        (prompt,) = prompts(documents=1, chunks=1)
        told: list[str] = []
        text = llama.write(prompt, told.append)
        assert text.startswith("This passage says what the ")
        assert "".join(told) == text
        assert len(told) > 10
        sources = passages("The roof in Berlin cost 9,000 euro in 2020. " * 200)
        answer = written("What did the roof in Berlin cost?", sources, llama, told.append)
        assert answer.by == "llama"
        assert answer.sentences
    finally:
        llama.close()
