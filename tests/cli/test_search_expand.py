"""`search --expand`: who rewrote is told, with what was searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.context.remote.model_servers import ModelServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace

    Cli = Callable[..., Ended]

TEXT = ("--mode", "text", "--top-k", "1")


@pytest.fixture
def rewriting(own_library: Workplace, cli: Cli, settled: Callable[[Workplace], None]) -> Iterator[ModelServer]:
    """A server that has other words for a question."""
    settled(own_library)
    with ModelServer(answer="mechanic\nOur brakes") as server:
        with (own_library.config.config_dir / "config.toml").open("a") as file:
            file.write(f'\n[context]\nservers = ["{server.url}"]\nmodel = "m"\n')
        yield server


def test_what_a_server_rewrote_is_searched_and_told(rewriting: ModelServer, cli: Cli) -> None:
    assert cli("search", "automobile", *TEXT, "--json").envelope["data"]["chunks"] == []
    assert not rewriting.asked, "nobody is asked without --expand"
    data = cli("search", "automobile", *TEXT, "--expand", "2", "--explain", "--json").envelope["data"]
    assert list(data) == ["query", "expansion", "chunks", "timings_ms", "devices", "explanation"]
    assert data["expansion"] == {"by": "http", "variants": ["mechanic", "Our brakes"]}
    assert data["explanation"]["rewritten_by"] == "http"
    assert data["chunks"][0]["doc_id"] == "garage.md"
    assert data["chunks"][0]["metadata"]["variant"] in data["expansion"]["variants"]
    assert "expand" in data["timings_ms"]
    out = cli("search", "automobile", *TEXT, "--expand", "2", "--explain").out
    assert "rewritten by a language model on a server\n" in out
    assert "also searched: Our brakes" in out


def test_rules_where_they_are_asked_for(rewriting: ModelServer, cli: Cli) -> None:
    words = ["search", "voorzieningen", *TEXT, "--expand", "2", "--expand-by", "rules"]
    data = cli(*words, "--json").envelope["data"]
    assert not rewriting.asked
    assert data["expansion"]["by"] == "rules"
    assert "provisions" in data["expansion"]["variants"]
    assert "rewritten by rule\n" in cli(*words, "--explain").out


def test_a_short_query_is_taken_to_be_in_the_language_of_most_documents(rewriting: ModelServer, cli: Cli) -> None:
    cli("search", "omzet", *TEXT, "--expand", "1")
    assert "Write in English" in rewriting.asked[0]["messages"][0]["content"], "one of seven documents is Dutch"


def test_a_batch_asks_once_for_each_different_query(rewriting: ModelServer, cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "asked.txt"
    file.write_text("automobile\nsoup\nautomobile\n")
    data = cli("search", "--queries", file, *TEXT, "--expand", "1", "--json").envelope["data"]
    assert [result["expansion"]["by"] for result in data["results"]] == ["http"] * 3
    assert len(rewriting.asked) == 2


def test_a_server_that_writes_nonsense_leaves_the_rules_and_a_line(rewriting: ModelServer, cli: Cli) -> None:
    rewriting.answer = "Sure! Here you are:"
    envelope = cli("search", "voorzieningen", *TEXT, "--expand", "2", "--json").envelope
    assert envelope["data"]["expansion"]["by"] == "rules"
    assert (
        "rewritten by rule, no language model: nothing that a language model wrote is a rewriting"
        in (envelope["warnings"])
    )


def test_a_model_that_is_asked_for_and_not_there(library_cli: Cli) -> None:
    for by, status in (("llama", 7), ("http", 2)):
        assert library_cli("search", "x", "--expand", "1", "--expand-by", by, "--json").status == status
    assert library_cli("search", "pump", *TEXT, "--expand-by", "llama", "--json").status == 0, "nobody is to rewrite"
