"""`ragfactory context cache`: what is kept of each model, and what the last runs found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ragfactory.context.cache import ContextCache, Model, RunCounts
from ragfactory.errors import ExitCode
from tests.cli.test_ask import add_settings
from tests.context.remote.model_servers import ModelServer

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
    assert "3 answers, " in shown
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


def test_contexts_that_are_still_to_come_are_shown(cli: Callable[..., Ended], workplace: Workplace) -> None:
    said = {"message": {"content": "This passage tells what was mended on the roof of the hotel."}, "done": True}
    for name in ("roof", "cellar"):
        workplace.write(f"{name}.txt", f"The {name} of the hotel was mended in May, and is as new.")
    with ModelServer(says=lambda _n: (200, json.dumps(said).encode())) as server:
        add_settings(workplace, f'servers = ["{server.url}"]\nmodel = "m"\nkind = "ollama"')
        assert cli("ingest", workplace.docs, "--context", "http", "--limit-contexts", "1").status == 0
        told = "1 chunk still without a language model's context"
        assert told in cli("index", "show").out
        (index,) = cli("index", "show", "--json").envelope["data"]["indexes"]
        assert sorted(document["contexts_missing"] for document in index["documents"]) == [0, 1]
        assert cli("reindex").status == 0
    assert told not in cli("index", "show").out


def test_a_damaged_cache_is_an_error_with_what_to_do(cli: Callable[..., Ended], workplace: Workplace) -> None:
    workplace.config.contexts.parent.mkdir(parents=True)
    workplace.config.contexts.write_bytes(b"not a database, and long enough to be one" * 100)
    ended = cli("context", "cache", "--json")
    assert ended.status == ExitCode.NO_INDEX
    assert ended.error["code"] == "context_cache"
    assert "recover" in ended.error["hint"]
