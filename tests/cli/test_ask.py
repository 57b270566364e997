"""`ask`: who answers, what is said and in which form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.terminal import Terminal
from tests.context.llama.tiny_gguf import shared_tiny_gguf
from tests.context.remote.model_servers import ModelServer

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace

    Cli = Callable[..., Ended]

QUESTION = "Which part should you order when the pump on the roof is broken?"


def add_settings(workplace: Workplace, settings: str) -> None:
    """Add to the configuration that commands read."""
    with (workplace.config.config_dir / "config.toml").open("a") as file:
        file.write(f"\n[context]\n{settings}\n")


def test_without_a_language_model_sentences_of_the_passages_answer(library_cli: Cli) -> None:
    envelope = library_cli("ask", QUESTION, "--top-k", "2", "--json").envelope
    data = envelope["data"]
    assert list(data) == ["question", "answer", "sentences", "sources", "by", "device", "found"]
    assert (data["question"], data["by"], data["found"]) == (QUESTION, "extract", True)
    assert data["sentences"][0]["text"].startswith("You should order part XK-4471")
    assert data["sentences"][0]["sources"] == [1]
    assert data["answer"].startswith(f"{data['sentences'][0]['text']} [1]")
    assert [source["n"] for source in data["sources"]] == [1, 2]
    assert list(data["sources"][0]) == ["n", "doc_id", "chunk_id", "page", "text"]
    assert data["sources"][0]["doc_id"] == "stock/pump.txt"
    assert any(note.startswith("sentences of the passages, no language model: ") for note in envelope["warnings"])
    quiet = library_cli("ask", QUESTION, "--by", "extract", "--no-rerank", "--json").envelope
    assert quiet["warnings"] == []


def test_people_see_the_answer_and_where_it_stands(library_cli: Cli) -> None:
    out = library_cli("ask", QUESTION, "--by", "extract", "--top-k", "1").out
    assert out.startswith("You should order part XK-4471")
    assert "[1] stock/pump.txt" in out
    assert "**You should order part XK-4471" in out, "marked where no terminal shows it in bold"


def test_on_a_terminal_style_marks_what_is_taken(library_cli: Cli) -> None:
    terminal = Terminal("ask", QUESTION, "--by", "extract", "--top-k", "1", "--mode", "text")
    shown = terminal.wait_for("stock/pump.txt")
    assert terminal.status() == 0
    assert "**" not in shown


UNANSWERED = "Geen zin van de gevonden passages beantwoordt de vraag."
MANUAL = """# Receptie

## Slagboom en toegangspassen

Elke boeking krijgt twee passen. Staat de slagboom vast? Draai de sleutel in de paal naar links. Bel daarna de technische dienst.

## Inchecken

| Soort verblijf | Inchecken vanaf | Borg |
|---|---|---|
| Boschalet | 15.00 uur | € 100,00 |
| Stacaravan | 14.00 uur | € 75,00 |

Met Bram is het gesprek gevoerd; dat was spannend.
"""


def test_a_question_in_the_passage_a_table_and_what_is_not_there(workplace: Workplace, cli: Cli) -> None:
    workplace.write("receptie.md", MANUAL)
    workplace.ingest()
    said = {
        question: cli("ask", question, "--by", "extract", "--no-rerank", "--json").envelope["data"]
        for question in (
            "Wat moet ik doen als de slagboom vastzit?",
            "Hoeveel borg betaalt een gast voor een boschalet?",
            "Wie is de koning van Spanje?",
        )
    }
    barrier, deposit, king = said.values()
    assert barrier["answer"] == "Draai de sleutel in de paal naar links. [1]"
    assert deposit["answer"].startswith("Soort verblijf: Boschalet; Inchecken vanaf: 15.00 uur; Borg: € 100,00 [")
    assert (king["found"], king["sentences"], king["answer"]) == (False, [], UNANSWERED)
    assert king["sources"]
    out = cli("ask", "Wie is de koning van Spanje?", "--by", "extract", "--no-rerank").out
    assert out.startswith(f"{UNANSWERED}\n\nWat er het dichtst bij komt:\n\n[1] receptie.md")


def test_nothing_that_a_filter_lets_through_is_no_answer(library_cli: Cli) -> None:
    ended = library_cli("ask", QUESTION, "--filter", "format=pdf", "--json")
    data = ended.envelope["data"]
    assert (ended.status, data["found"], data["sources"], data["sentences"]) == (0, False, [], [])
    assert data["answer"] == "That is not in the documents."


def test_a_server_answers_from_the_passages(cli: Cli, own_library: Workplace, settled: Callable[..., None]) -> None:
    settled(own_library)
    with ModelServer(answer="Order part XK-4471 [1]. Elephants too [2]. And call [9].") as server:
        add_settings(own_library, f'servers = ["{server.url}"]\nmodel = "m"')
        data = cli("ask", QUESTION, "--top-k", "2", "--expand-hits", "1", "--json").envelope["data"]
        out = cli("ask", QUESTION, "--top-k", "2").out
        assert all("XK-4471" in asked["messages"][1]["content"] for asked in server.asked)
    assert (data["by"], data["found"]) == ("http", True)
    assert data["sentences"] == [
        {"text": "Order part XK-4471.", "sources": [1]},
        {"text": "Elephants too.", "sources": []},
        {"text": "And call.", "sources": []},
    ]
    assert data["answer"] == "Order part XK-4471. [1] Elephants too. [?] And call. [?]"
    assert "no passage that is named holds this:" in out
    assert "[1] stock/pump.txt" in out
    assert "[2]" not in out.partition("no passage")[2]


def test_an_answer_streams_to_a_terminal(own_library: Workplace, settled: Callable[..., None]) -> None:
    settled(own_library)
    with ModelServer(answer="Order part XK-4471\x1b now [1].", waits=True) as server:
        add_settings(own_library, f'servers = ["{server.url}"]\nmodel = "m"')
        terminal = Terminal("ask", QUESTION, "--top-k", "1", "--mode", "text")
        terminal.wait_for("Order")  # the rest was not written yet
        server.released.set()
        shown = terminal.wait_for("stock/pump.txt")
        assert terminal.status() == 0
    assert "part XK-4471" in shown
    assert "XK-4471\N{REPLACEMENT CHARACTER} now" in shown, "a server cannot steer the terminal"
    assert shown.count("XK-4471") == 1, "it is not repeated"


def test_a_writer_that_is_asked_for_and_not_there_is_an_error(library_cli: Cli, library: Workplace) -> None:
    for by, status in (("llama", 7), ("http", 2)):
        ended = library_cli("ask", QUESTION, "--by", by, "--json")
        assert ended.status == status
    with (library.config.config_dir / "config.toml").open("a") as file:
        file.write('\n[context]\nservers = ["http://127.0.0.1:9"]\nmodel = "m"\ntimeout_s = 5\n')
    ended = library_cli("ask", QUESTION, "--by", "http", "--json")
    assert (ended.status, ended.error["code"]) == (7, "model_unavailable")
    fallen_back = library_cli("ask", QUESTION, "--json").envelope
    assert fallen_back["data"]["by"] == "extract"
    assert any("127.0.0.1:9" in note for note in fallen_back["warnings"])


def test_a_key_that_no_header_can_hold_is_a_mistake(
    cli: Cli, own_library: Workplace, settled: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(own_library)
    add_settings(own_library, 'servers = ["http://127.0.0.1:9"]\nmodel = "m"')
    monkeypatch.setenv("RAGFACTORY_LLM_API_KEY", "a\nb")
    ended = cli("ask", QUESTION, "--by", "http", "--json")
    assert (ended.status, ended.error["code"]) == (2, "usage")
    assert "key for the language model's servers cannot be used" in ended.error["message"]


def test_a_gguf_answers(
    cli: Cli,
    own_library: Workplace,
    settled: Callable[..., None],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settled(own_library)
    add_settings(own_library, f'gguf = "{shared_tiny_gguf(tmp_path_factory)}"')
    envelope = cli("ask", QUESTION, "--top-k", "2", "--no-rerank", "--json").envelope
    data = envelope["data"]
    assert (data["by"], data["device"], envelope["warnings"]) == ("llama", "cpu", [])
    assert envelope["data"]["answer"]


def test_questions_that_cannot_be_asked(library_cli: Cli) -> None:
    for arguments in ([""], ["x", "--filter", "year"], ["x", "--expand-hits", "0"], ["x", "--tenant", "../other"]):
        ended = library_cli("ask", *arguments, "--json")
        assert (ended.status, ended.error["code"]) == (2, "usage")
