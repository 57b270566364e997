"""Who rewrites: servers that answer, lie or hang, and a GGUF; and what is searched where nobody does."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from ragfactory.config import Config, Context
from ragfactory.errors import ConfigError, ModelUnavailableError, UsageError
from ragfactory.retrieval.expansion import Expansion, expansion
from ragfactory.retrieval.rewriting.wording import prompt_for
from ragfactory.retrieval.rewriting.writers import open_rewriter
from tests.context.llama.tiny_gguf import shared_tiny_gguf
from tests.context.remote.model_servers import ModelServer

if TYPE_CHECKING:
    from pathlib import Path

QUERY = "hoogte huurovereenkomst"
RULES = Expansion(("bedrag huurovereenkomst", "hoogte huur overeenkomst"), "rules")
ANSWER = "1. bedrag van het huurcontract\n2. hoe hoog is de huur"
FOUND = ("bedrag van het huurcontract", "hoe hoog is de huur")


def settings(tmp_path: Path, *servers: ModelServer | str, rewrite_s: float = 100.0, **context: Any) -> Config:
    urls = tuple(server if isinstance(server, str) else server.url for server in servers)
    asked = Context(servers=urls, model="m" if urls else "", rewrite_s=rewrite_s, **context)
    return Config(home=tmp_path, config_dir=tmp_path, context=asked)


def expanded(config: Config, *, times: int = 1, **how: Any) -> Expansion:
    rewriter = open_rewriter(config, how.get("by"), 3, many=how.get("many", False))
    try:
        for _ in range(times):
            found = expansion(QUERY, 3, ["nl"], [("hoogte", "bedrag")], rewriter)
    finally:
        if rewriter:
            rewriter.close()
    return found


@pytest.mark.parametrize("speaks", ["ollama", "openai"])
def test_a_server_rewrites(tmp_path: Path, speaks: str) -> None:
    with ModelServer(speaks=speaks, answer=ANSWER) as server:
        assert expanded(settings(tmp_path, server)) == Expansion(FOUND, "http")
        (asked,) = server.asked
    (system, user) = asked["messages"]
    assert "3 andere formuleringen" in system["content"]
    assert QUERY in user["content"]


def test_a_server_that_does_not_answer_is_left_alone_and_the_next_is_asked(tmp_path: Path) -> None:
    with (
        ModelServer(says=lambda _: (500, b"{}")) as broken,
        ModelServer(answer=ANSWER) as sound,
    ):
        config = settings(tmp_path, "http://127.0.0.1:9", broken, sound)
        assert expanded(config, times=3) == Expansion(FOUND, "http")
        assert (len(broken.asked), len(sound.asked)) == (1, 3)


@pytest.mark.parametrize(
    ("says", "limit_s", "why"),
    [
        (lambda _: "hang", 0.3, "no answer within 0.3 seconds (context.rewrite_s)"),
        (lambda _: "drip", 0.3, "no answer within 0.3 seconds (context.rewrite_s)"),
        (lambda _: (200, b"<html>"), 100.0, "a completion as JSON expected, and its answer is HTML"),
        (lambda _: (503, b'{"error": "loading"}'), 100.0, "HTTP 503: loading"),
    ],
)
def test_where_no_server_answers_in_time_the_rules_rewrite_and_a_line_says_so(
    tmp_path: Path, says: Any, limit_s: float, why: str
) -> None:
    with ModelServer(says=says) as server:
        found = expanded(settings(tmp_path, server, kind="ollama", rewrite_s=limit_s), times=2)
        assert len(server.asked) <= 1, "it is not asked again for the next query"
    assert (found.variants, found.by) == (RULES.variants, "rules")
    assert found.note == f"rewritten by rule, no language model: {server.url}: {why}"


def test_a_server_that_hangs_while_it_is_asked_what_it_speaks(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        found = expanded(settings(tmp_path, url, rewrite_s=0.3))
    assert (found.variants, found.by) == (RULES.variants, "rules")
    assert (found.note or "").endswith(f"{url}: no answer within 0.3 seconds (context.rewrite_s)")


def test_where_a_model_writes_nonsense_the_rules_rewrite(tmp_path: Path) -> None:
    with ModelServer(answer="Here are three wordings:") as server:
        found = expanded(settings(tmp_path, server))
    assert (found.variants, found.by) == (RULES.variants, "rules")
    assert found.note == "rewritten by rule, no language model: nothing that a language model wrote is a rewriting"


def test_a_gguf_rewrites_where_many_queries_come_or_it_is_asked_for(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = settings(tmp_path, gguf=str(shared_tiny_gguf(tmp_path_factory)))
    assert open_rewriter(config, None, 3, many=False) is None
    for how in ({"many": True}, {"by": "llama"}):
        rewriter = open_rewriter(config, how.get("by"), 3, many=how.get("many", False))
        assert rewriter is not None
        assert rewriter.by == "llama"
        first, second = (rewriter.write(prompt_for("What is the roof about?", 3, ["en"])) for _ in range(2))
        rewriter.close()
        assert first == second
        assert first


def test_a_gguf_that_takes_too_long_leaves_it_to_the_rules(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    gguf = shared_tiny_gguf(tmp_path_factory)
    found = expanded(settings(tmp_path, gguf=str(gguf), rewrite_s=1e-9), many=True, times=2)
    assert found.variants == RULES.variants
    assert found.note == (
        f"rewritten by rule, no language model: {gguf.name}: no answer within 1e-09 seconds (context.rewrite_s)"
    )


def test_servers_come_before_a_gguf(tmp_path: Path) -> None:
    rewriter = open_rewriter(settings(tmp_path, "http://127.0.0.1:9", gguf="none.gguf"), None, 3, many=True)
    assert rewriter is not None
    assert rewriter.by == "http"


def test_a_model_that_is_not_there_is_an_error_only_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert expanded(settings(tmp_path), many=True) == RULES
    with pytest.raises(ModelUnavailableError):
        expanded(settings(tmp_path), by="llama")
    with pytest.raises(ConfigError):
        expanded(settings(tmp_path), by="http")
    found = expanded(settings(tmp_path, gguf="none.gguf"), many=True)
    assert found.by == "rules"
    assert "there is no file" in (found.note or "")
    monkeypatch.setenv("RAGFACTORY_LLM_API_KEY", "a\nb")
    with pytest.raises(UsageError, match="key for the language model"):
        expanded(settings(tmp_path, "http://127.0.0.1:9"), by="http")
