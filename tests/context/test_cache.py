"""The cache of contexts: kept through a kill, shared by processes, private, and never emptied by itself."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ragfactory.context.cache import ContextCache, Model, RunCounts, context_key
from ragfactory.context.prompt import Prompt
from ragfactory.errors import ContextCacheError

if TYPE_CHECKING:
    from pathlib import Path

MODEL = Model("http", "m", "f" * 64)
PROMPT = Prompt("Write.", "doc", "own", "en")
PROMISE_S = 60.0
WRITER = """
import sys
from pathlib import Path
from ragfactory.context.cache import ContextCache, Model
with ContextCache.open(Path(sys.argv[1])) as cache:
    for n in range(int(sys.argv[3])):
        cache.put(Model("http", "m", "f" * 64), [(f"{sys.argv[2]}{n}".encode(), f"context {n}")])
        print(n, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "cache" / "contexts.sqlite"


def writer(path: Path, name: str, contexts: int) -> subprocess.Popen[str]:
    """A process that puts contexts one by one, and prints the number of each that is kept."""
    arguments = [sys.executable, "-c", WRITER, str(path), name, str(contexts)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def test_what_was_put_is_found_also_by_the_next(path: Path) -> None:
    keys = [n.to_bytes(32, "big") for n in range(1200)]
    with ContextCache.open(path) as cache:
        cache.put(MODEL, [(key, f"over {n} € 'x'") for n, key in enumerate(keys[:1100])])
        cache.put(MODEL, [(keys[0], "another")])
    with ContextCache.open(path) as cache:
        found = cache.find(keys)
        assert found == {key: f"over {n} € 'x'" for n, key in enumerate(keys[:1100])}
        assert cache.find([]) == {}


def test_the_key_is_all_that_decides() -> None:
    key = context_key(PROMPT, MODEL, {"seed": 0})
    assert key == context_key(PROMPT, replace(MODEL, name="other"), {"seed": 0})
    others = [
        *(
            context_key(replace(PROMPT, **{part: "x"}), MODEL, {"seed": 0})
            for part in ("instructions", "shared", "own")
        ),
        context_key(replace(PROMPT, shared="do", own="cown"), MODEL, {"seed": 0}),
        context_key(PROMPT, replace(MODEL, fingerprint="0"), {"seed": 0}),
        context_key(PROMPT, MODEL, {"seed": 1}),
    ]
    assert len({key, *others}) == 7


def test_what_a_prompt_leaves_open_is_not_in_its_key_and_what_it_asks_for_is() -> None:
    key = context_key(PROMPT, MODEL, {"seed": 0})
    assert key.hex() == "ae8a29a2e44bdaf8a9ff9c14ad07eb0373dfb2d6a3b26c8c528b3e57fc349322", (
        "contexts that are kept are found"
    )
    shaped = [
        replace(PROMPT, schema="{}"),
        replace(PROMPT, max_tokens=400),
        replace(PROMPT, schema="{}", max_tokens=400),
    ]
    assert len({key, *(context_key(prompt, MODEL, {"seed": 0}) for prompt in shaped)}) == 4


def test_a_killed_writer_loses_nothing_that_it_was_told_is_kept(path: Path) -> None:
    process = writer(path, "a", 10**6)
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(30)]
    process.send_signal(signal.SIGKILL)
    told += [int(line) for line in process.stdout.read().splitlines()]
    process.wait()
    with ContextCache.open(path) as cache:
        found = cache.find([f"a{n}".encode() for n in told])
        assert len(found) == len(told)
        assert cache.stats().entries - len(told) in {0, 1}
        cache.put(MODEL, [(b"after", "goes on")])


def test_two_processes_write_at_once(path: Path) -> None:
    processes = [writer(path, name, 40) for name in "ab"]
    assert [process.wait(PROMISE_S) for process in processes] == [0, 0]
    for process in processes:
        assert process.stdout is not None
        process.stdout.close()
    with ContextCache.open(path) as cache:
        assert cache.stats().entries == 80
        assert [holding.model for holding in cache.stats().holdings] == [MODEL]


def test_one_that_another_is_making_is_waited_for(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        later = threading.Timer(0.3, other.execute, ["COMMIT"])
        later.start()
        with ContextCache.open(path) as cache:
            assert not other.in_transaction
            cache.put(MODEL, [(b"k", "text")])
        later.join()


def test_only_its_owner_can_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        with ContextCache.open(path) as cache:
            cache.put(MODEL, [(b"k", "text")])
            files = [path.parent, *path.parent.iterdir()]
            assert len(files) > 2
            assert all(stat.S_IMODE(file.stat().st_mode) & 0o077 == 0 for file in files)
    finally:
        os.umask(before)


def test_a_damaged_cache_is_told_and_left_as_it_is(path: Path) -> None:
    with ContextCache.open(path) as cache:
        cache.put(MODEL, [(n.to_bytes(32, "big"), "x" * 400) for n in range(200)])
    whole = path.read_bytes()
    for damaged in (b"no database at all" * 100, whole[:8192] + b"\xff" * (len(whole) - 8192)):
        path.write_bytes(damaged)
        with pytest.raises(ContextCacheError, match="damaged") as caught, ContextCache.open(path) as cache:
            cache.find([n.to_bytes(32, "big") for n in range(200)])
        assert "recover" in (caught.value.hint or "")
        assert path.read_bytes() == damaged


def test_another_database_and_one_of_a_newer_version_are_left_alone(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(ContextCacheError, match="another database"):
        ContextCache.open(path)
    assert path.read_bytes() == before
    path.unlink()
    ContextCache.open(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(ContextCacheError, match="newer ragfactory"):
        ContextCache.open(path)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ContextCacheError, match="cannot be made"):
        ContextCache.open(tmp_path / "file" / "contexts.sqlite")


def test_what_is_kept_and_what_runs_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Model("llama", "small", "0")
    with ContextCache.open(path) as cache:
        cache.put(MODEL, [(b"1", "één"), (b"2", "twee")])
        cache.put(small, [(b"3", "drie")])
        for n, found in enumerate((0, 5, 9)):
            monkeypatch.setattr(time, "time", lambda n=n: 1_000_000 + n)
            cache.record_run(f"run {n}", MODEL, RunCounts(asked=10, found=found, written=10 - found, refused=0))
        cache.record_run("run 2", MODEL, RunCounts(asked=10, found=10, written=0, refused=0))
        stats = cache.stats(runs=2)
    assert stats.entries == 3
    assert stats.bytes >= path.stat().st_size
    assert [(h.model, h.entries, h.bytes) for h in stats.holdings] == [(MODEL, 2, 9), (small, 1, 4)]
    assert [(r.run_id, r.counts.hit_rate) for r in stats.runs] == [("run 2", 1.0), ("run 1", 0.5)]
    assert RunCounts(0, 0, 0, 0).hit_rate is None
