"""A disk that fills up or fails: the run ends with its own status, what served still serves, and with room the next run is done."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import ExitCode
from tests.proofs.accidents import ROOT, Refusal
from tests.store.conftest import Shelf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.proofs.scene import Scene

KIB = 1024
MERGER = """
import sys
from pathlib import Path
from threading import Event
from ragfactory.store.merging import merge
from ragfactory.store.vectors import Codec
from tests.store.conftest import DIMENSION, Shelf
with Shelf.at(Path(sys.argv[1])).open() as version:
    try:
        merge(list(version.segments.values()), Path(sys.argv[2]), 9, Codec(DIMENSION, "bf16"), Event())
    except OSError:
        sys.exit(4)
"""


class SmallDisk:
    """A file system of its own in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def leave(self, room: int) -> None:
        """Fill it up but for so many bytes."""
        self._ballast.unlink(missing_ok=True)
        state = os.statvfs(self.path)
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, state.f_bavail * state.f_frsize - room)

    def grow(self) -> None:
        """Make it twice as large."""
        mount("-o", "remount,size=16m", self.path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    path = tmp_path / "disk"
    path.mkdir()
    try:
        mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", path)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"mounting a file system is not permitted here: {error}")
    yield SmallDisk(path)
    subprocess.run(["umount", "--lazy", path], check=True)


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


@pytest.mark.parametrize("call", [1, 5, 17, 40, 65])
def test_a_disk_that_is_full_from_some_write_on(changed: Scene, folder: Path, call: int) -> None:
    scene = changed.copied_to(folder / "home")
    ending = scene.ingest(Refusal(str(folder / "home"), errno.ENOSPC, call))
    assert ending.status == ExitCode.NOT_PUBLISHED, ending.output
    assert "No space left on device" in ending.output
    assert ending.orphans == ()
    scene.assert_harmless()
    scene.assert_finished()


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (1, ExitCode.OK),  # the event log, which is not worth a run
        (14, ExitCode.NOT_PUBLISHED),
        (42, ExitCode.NOT_PUBLISHED),
        (95, ExitCode.NOT_PUBLISHED),
        (130, ExitCode.PARTIAL),  # the first of the two indexes serves by then
    ],
)
def test_a_write_that_fails_once(changed: Scene, folder: Path, call: int, status: ExitCode) -> None:
    scene = changed.copied_to(folder / "home")
    ending = scene.ingest(Refusal(str(folder / "home"), errno.EIO, call, once=True))
    assert ending.status == status, ending.output
    scene.assert_harmless()
    scene.assert_finished()


def test_a_small_disk_that_fills_up_and_grows(changed: Scene, small_disk: SmallDisk) -> None:
    scene = changed.copied_to(small_disk.path / "home")
    for room in (0, 8, 24, 40):
        small_disk.leave(room * KIB)
        ending = scene.ingest()
        assert ending.status == ExitCode.NOT_PUBLISHED, f"{room} KiB: {ending.output}"
        scene.assert_harmless()
    small_disk.leave(0)
    ending = scene.victims.run(scene.workplace, "index", "prune", "--keep", "1")
    assert ending.status == ExitCode.OK, ending.output
    assert scene.oracle.after_upkeep(same=True) == []
    small_disk.leave(0)
    small_disk.grow()
    scene.assert_finished()


def test_a_merge_that_finds_no_room_is_an_error_like_any_other(small_disk: SmallDisk) -> None:
    home, target = small_disk.path / "home", small_disk.path / "target"
    Shelf.at(home).publish({f"{n}.txt": [f"blad {n} regel {line}" for line in range(400)] for n in range(10)})
    target.mkdir()
    assert merge_in_another_process(home, target) == 0
    sizes = {file.name.partition("-")[0]: file.stat().st_size for file in target.iterdir()}
    for file in target.iterdir():
        file.unlink()
    small_disk.leave(sizes["chunks"] + sizes["rows"] + sizes["vectors"] // 2)
    assert merge_in_another_process(home, target) == ExitCode.NOT_PUBLISHED


def merge_in_another_process(home: Path, target: Path) -> int:
    """Merge the segments of a shelf, and return the process's exit status."""
    return subprocess.run([sys.executable, "-c", MERGER, home, target], cwd=ROOT, check=False).returncode
