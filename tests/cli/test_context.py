"""`ragfactory context cache`: what is kept of each model, and what the last runs found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.context.cache import ContextCache, Model, RunCounts
from ragfactory.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace


def test_nothing_is_kept_and_nothing_is_made(cli: Callable[..., Ended], workplace: Workplace) -> None:
    assert cli("context", "cache").out == "no contexts of language models are kept\n"
    data = cli("context", "cache", "--json").envelope["data"]
    assert (data["entries"], data["bytes"], data["models"], data["runs"]) == (0, 0, [], [])
    assert not workplace.config.contexts.exists()


def test_models_and_runs(cli: Callable[..., Ended], workplace: Workplace) -> None:
    model = Model("http", "llama3.1:8b", "http/llama3.1:8b")
    with ContextCache.open(workplace.config.contexts) as cache:
        cache.put(model, [(bytes([n]), "context" * 100) for n in range(3)])
        cache.record_run("20240131-020000", model, RunCounts(asked=4, found=1, written=2, refused=1))
    shown = cli("context", "cache").out
    assert "3 contexts, " in shown
    assert " 2.1 KiB\n" in shown
    assert "0.0 MiB" not in shown
    assert [line.split() for line in shown.splitlines() if line.startswith("20240131")] == [
        ["20240131-020000", "llama3.1:8b", "4", "1", "2", "1", "25%"]
    ]
    data = cli("context", "cache", "--json").envelope["data"]
    assert data["models"] == [
        {"writer": "http", "model": model.name, "fingerprint": model.fingerprint, "entries": 3, "text_bytes": 2100}
    ]
    (run,) = data["runs"]
    assert (run["asked"], run["found"], run["written"], run["refused"], run["hit_rate"]) == (4, 1, 2, 1, 0.25)


def test_a_damaged_cache_is_an_error_with_what_to_do(cli: Callable[..., Ended], workplace: Workplace) -> None:
    workplace.config.contexts.parent.mkdir(parents=True)
    workplace.config.contexts.write_bytes(b"not a database, and long enough to be one" * 100)
    ended = cli("context", "cache", "--json")
    assert ended.status == ExitCode.NO_INDEX
    assert ended.error["code"] == "context_cache"
    assert "recover" in ended.error["hint"]
