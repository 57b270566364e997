"""`eval --make` with a language model: servers that ask well, badly or not at all, and a GGUF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.cli.terminal import Terminal
from tests.context.llama.tiny_gguf import shared_tiny_gguf
from tests.context.remote.model_servers import ModelServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace

    Cli = Callable[..., Ended]

THINGS = ("lighthouse", "harbour", "museum", "bakery")


def said(text: str) -> tuple[int, bytes]:
    return 200, orjson.dumps({"message": {"content": text}, "done": True})


@pytest.fixture
def estate(workplace: Workplace) -> Workplace:
    """Four documents, each with a heading that the rules can ask about."""
    for n, thing in enumerate(THINGS):
        workplace.write(
            f"{thing}.md",
            f"# Repair of the {thing}\n\nThe warden had the old {thing} mended in {2015 + n}. It cost {n + 3},000 euro, which the "
            "council paid after a long debate about the roof, the doors and the windows of the place.",
        )
    workplace.ingest()
    return workplace


@pytest.fixture
def server(estate: Workplace, cli: Cli) -> Iterator[ModelServer]:
    """A server that the commands know."""
    with ModelServer() as server:
        configure(estate, f'servers = ["{server.url}"]\nmodel = "m"\nkind = "ollama"\nconcurrency = 1')
        yield server


def configure(workplace: Workplace, context: str) -> None:
    with (workplace.config.config_dir / "config.toml").open("a") as file:
        file.write(f"\n[context]\n{context}\n")


def drafts(file: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]


def test_a_server_drafts_and_the_drafts_can_be_measured(server: ModelServer, cli: Cli, tmp_path: Path) -> None:
    def ask(n: int) -> tuple[int, bytes]:
        own = server.asked[n - 1]["messages"][1]["content"]
        return said(f"Who paid for the {next(thing for thing in THINGS if thing in own)}, and when?")

    server.says = ask
    file = tmp_path / "new.jsonl"
    envelope = cli("eval", file, "--make", "3", "--json").envelope
    assert envelope["data"] == {"path": str(file), "questions": 3, "by": {"rules": 0, "http": 3}}
    assert [note for note in envelope["warnings"] if "language model" in note] == [
        "those by a language model may miss what people ask: read them, and throw out what nobody would"
    ]
    assert len(server.asked) == 3
    for draft in drafts(file):
        (target,) = draft["relevant"]
        assert draft["query"] == f"Who paid for the {target['path'].removesuffix('.md')}, and when?"
        assert draft["language"] == "en"
        assert draft["answers"] == [draft["passage"]]
    measured = cli("eval", file, "--stage", "fused", "--json").envelope["data"]
    assert measured["stages"]["fused"]["recall_at_5"]["mean"] == 1
    shown = cli("eval", tmp_path / "other.jsonl", "--make", "3").out
    assert "3 by a language model, 0 by rule" in shown


def test_what_is_refused_twice_is_drafted_by_rule(server: ModelServer, cli: Cli, tmp_path: Path) -> None:
    asked: list[str] = []

    def ask(n: int) -> tuple[int, bytes]:
        own = server.asked[n - 1]["messages"][1]["content"]
        thing = next(thing for thing in THINGS if thing in own)
        asked.append(thing)
        if thing == "museum" or (thing == "bakery" and asked.count("bakery") == 1):
            return said("I would ask about the building.")
        return said(f"Who paid for the {thing}?")

    server.says = ask
    file = tmp_path / "new.jsonl"
    data = cli("eval", file, "--make", "4", "--json").envelope["data"]
    assert data["by"] == {"rules": 1, "http": 3}
    assert sorted(asked) == sorted([*THINGS, "museum", "bakery"])
    by_path = {draft["relevant"][0]["path"]: draft["query"] for draft in drafts(file)}
    assert by_path["museum.md"] == "What does it say about Repair of the museum?"
    assert by_path["bakery.md"] == "Who paid for the bakery?"


def test_a_model_that_asks_nothing_is_not_asked_about_every_chunk(
    server: ModelServer, cli: Cli, tmp_path: Path
) -> None:
    server.answer = "No."
    data = cli("eval", tmp_path / "new.jsonl", "--make", "2", "--json").envelope["data"]
    assert data["by"] == {"rules": 2}
    assert len(server.asked) == 4


def test_the_same_question_about_two_places_is_drafted_once(server: ModelServer, cli: Cli, tmp_path: Path) -> None:
    server.answer = "Who paid for the building?"
    data = cli("eval", tmp_path / "new.jsonl", "--make", "4", "--json").envelope["data"]
    assert data["by"] == {"rules": 3, "http": 1}


def test_a_server_that_lies_leaves_it_to_the_rules(server: ModelServer, cli: Cli, tmp_path: Path) -> None:
    server.says = lambda _: (200, b"<html>")
    envelope = cli("eval", tmp_path / "new.jsonl", "--make", "4", "--json").envelope
    assert envelope["data"]["by"] == {"rules": 4}
    assert any("its answer is HTML" in note for note in envelope["warnings"])


def test_rules_where_they_are_asked_for(server: ModelServer, cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "new.jsonl"
    data = cli("eval", file, "--make", "4", "--make-by", "rules", "--json").envelope["data"]
    assert data["by"] == {"rules": 4}
    assert not server.asked


def test_a_gguf_is_asked_and_what_it_writes_is_held_to_the_same(
    estate: Workplace, cli: Cli, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    configure(estate, f'gguf = "{shared_tiny_gguf(tmp_path_factory)}"')
    file = tmp_path / "new.jsonl"
    envelope = cli("eval", file, "--make", "2", "--make-by", "llama", "--json").envelope
    assert envelope["data"]["questions"] == 2
    assert all(draft["query"].endswith("?") for draft in drafts(file))


def test_a_model_that_is_asked_for_and_not_there(estate: Workplace, cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "new.jsonl"
    for by, status in (("llama", 7), ("http", 2)):
        assert cli("eval", file, "--make", "2", "--make-by", by, "--json").status == status
    assert not file.exists()


def test_progress_on_a_terminal(server: ModelServer, estate: Workplace, tmp_path: Path) -> None:
    server.answer = "Who paid for the building?"
    terminal = Terminal("eval", str(tmp_path / "new.jsonl"), "--make", "3")
    assert "questions" in terminal.wait_for("by rule")
    assert terminal.status() == 0
