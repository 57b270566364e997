"""Readers beside writers, and writers beside writers: every read sees one whole version, and there is one writer at a time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ragfactory.errors import ExitCode
from ragfactory.store.layout import ProjectPaths
from ragfactory.store.prune import prune
from tests.proofs.accidents import ROOT, AtStep
from tests.proofs.readers import Reader, state
from tests.proofs.scene import Scene
from tests.store.conftest import Shelf, contents, found_by_words, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragfactory.store.version import Version
    from tests.proofs.accidents import Victims

PUBLISHES = 50
PATIENCE_S = 60.0


@contextmanager
def reading_process(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that reads until its standard input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.proofs.readers", str(home)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "reading\n"
            yield process
        finally:
            process.kill()


def test_every_read_beside_publishes_and_prunes_sees_one_whole_version(folder: Path) -> None:
    shelf = Shelf.at(folder)
    shelf.publish(state(1))
    over = Event()
    readers = [Reader(folder) for _ in range(2)]
    with reading_process(folder) as process, ThreadPoolExecutor() as pool:
        reading = [pool.submit(reader.read_until, over) for reader in readers]
        try:
            for n in range(2, PUBLISHES + 2):
                shelf.publish(state(n))
                prune(shelf.paths, 1 + n % 3)
        finally:
            over.set()
        for future in reading:
            future.result()
        told, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    reads, versions = map(int, told.split())
    assert min(reads, *(reader.reads for reader in readers)) > 1
    assert min(versions, *(len(reader.seen) for reader in readers)) > 1
    assert prune(shelf.paths, 1).kept == (PUBLISHES + 1,)


def test_a_version_that_is_held_is_read_to_its_end(folder: Path) -> None:
    shelf = Shelf.at(folder)
    shelf.publish(state(1))
    with shelf.open() as version:
        before = everything(version)
        for n in range(2, 8):
            shelf.publish(state(n))
        result = prune(shelf.paths, 1)
        assert (result.removed, result.held) == ((2, 3, 4, 5, 6), (1,))
        assert everything(version) == before
        shutil.rmtree(shelf.paths.version(1))
        assert everything(version) == before
    assert shelf.paths.version_numbers() == [7]


def everything(version: Version) -> dict[str, Any]:
    """All that can be read of a version: its chunks, its vectors, and what searches by vector and by words find."""
    texts = contents(version)
    return {
        "contents": texts,
        "chunks": {n: [s.chunk(row) for row in range(len(s))] for n, s in version.segments.items()},
        "vectors": {n: s.vectors.gather(np.arange(len(s))).tobytes() for n, s in version.segments.items()},
        "nearest": [nearest(version, text) for of_document in texts.values() for text in of_document],
        "by words": sorted(found_by_words(version, "kade omzet gebouw", k=50)),
    }


@pytest.fixture
def paused(folder: Path, victims: Victims) -> Iterator[tuple[Scene, int]]:
    """A scene, and a run over it that stands still right before it writes its manifest."""
    scene = Scene.set(folder, victims)
    pid = scene.start("--quiet", accident=AtStep("manifest", signal=signal.SIGSTOP))
    assert victims.wait(pid) is None
    yield scene, pid
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def test_a_second_writer_is_refused(paused: tuple[Scene, int]) -> None:
    scene, pid = paused
    ending = scene.ingest()
    assert ending.status == ExitCode.LOCKED
    assert f"process {pid}" in ending.output
    ending = scene.victims.run(scene.workplace, "index", "prune", "--keep", "1")
    assert ending.status == ExitCode.LOCKED
    scene.assert_harmless()
    go_on(scene, pid)
    scene.assert_finished()


def test_a_second_writer_that_waits_gets_through_after_the_first(paused: tuple[Scene, int]) -> None:
    scene, pid = paused
    second = scene.start("--wait", str(PATIENCE_S))
    lock = ProjectPaths.of(scene.workplace.config.indexes, "default", "default").lock
    until(lambda: has_open(second, lock))
    scene.assert_harmless()
    go_on(scene, pid)
    ending = scene.victims.wait(second)
    assert ending is not None
    assert ending.status == ExitCode.OK
    assert "nothing changed, nothing published" in ending.output
    scene.assert_finished()


def go_on(scene: Scene, pid: int) -> None:
    """Let a run that stands still come to its end."""
    os.kill(pid, signal.SIGCONT)
    ending = scene.victims.wait(pid)
    assert ending is not None
    assert (ending.status, ending.output) == (ExitCode.OK, "")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def has_open(pid: int, file: Path) -> bool:
    """Whether a process has that file open."""
    links = (Path("/proc") / str(pid) / "fd").iterdir()
    return any(link.resolve() == file.resolve() for link in links)
