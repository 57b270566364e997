"""What a search imports: most of its time as a process of its own goes there."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import orjson
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Workplace

# Runs a command line, and says on standard error what of the modules asked for it has imported.
SCRIPT = """
import json, sys
sys.argv[1:], asked = sys.argv[2:], json.loads(sys.argv[1])
from ragfactory.cli.main import main
try:
    main()
finally:
    print(json.dumps([name for name in asked if name in sys.modules]), file=sys.stderr)
"""
COMPUTING = ["numpy", "faiss", "torch", "tokenizers", "safetensors", "llama_cpp"]
OTHER_COMMANDS = [f"ragfactory.cli.{name}" for name in ("ingest", "ask", "eval", "gpu", "index")]


@pytest.fixture
def imported(library: Workplace, settled: Callable[[Workplace], None]) -> Callable[..., list[str]]:
    settled(library)

    def ask(modules: list[str], *arguments: str) -> list[str]:
        command = [sys.executable, "-c", SCRIPT, orjson.dumps(modules).decode(), "search", "mechanic", *arguments]
        done = subprocess.run(command, capture_output=True, check=True)
        assert b"garage.md" in done.stdout
        return orjson.loads(done.stderr.splitlines()[-1])

    return ask


def test_a_search_by_words_imports_nothing_that_computes(imported: Callable[..., list[str]]) -> None:
    rich = ["rich.console", "rich.table", "rich.markdown", "rich.progress", "pygments"]
    rooms = (
        "events",
        "documents.model",
        "fleet",
        "devices",
        "retrieval.ranking",
        "retrieval.rewriting",
        "context.remote",
    )
    asked = [*COMPUTING, *OTHER_COMMANDS, *(f"ragfactory.{name}" for name in rooms), *rich]
    assert imported(asked, "--mode", "text") == ["rich.console"]
    assert imported(asked, "--mode", "text", "--json") == []


def test_a_search_by_words_and_meaning_does_without_torch(imported: Callable[..., list[str]]) -> None:
    found = imported([*COMPUTING, *OTHER_COMMANDS], "--no-rerank")
    assert set(found) <= {"numpy", "faiss", "tokenizers", "safetensors"}
    assert {"numpy", "faiss"} <= set(found)


def test_a_filter_may_have_numpy_imported_and_nothing_else(imported: Callable[..., list[str]]) -> None:
    assert imported(COMPUTING, "--mode", "text", "--filter", "language=en") == ["numpy"]


def test_rewritings_by_rule_ask_no_language_model(imported: Callable[..., list[str]]) -> None:
    asked = [*COMPUTING, "ragfactory.retrieval.rewriting", "ragfactory.context.remote"]
    assert imported(asked, "--mode", "text", "--expand", "3", "--expand-by", "rules") == []
