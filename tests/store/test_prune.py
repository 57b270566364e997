"""Pruning: what stays is whole, what is read stays, and a prune that is killed leaves only what the next one removes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import DamagedIndexError, LockedError
from ragfactory.store import prune as prune_module
from ragfactory.store.damage import find_damage
from ragfactory.store.lock import writer_lock
from ragfactory.store.prune import prune
from ragfactory.store.version import read_manifest
from tests.store.conftest import Shelf, contents, quick_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.store.layout import IndexPaths

PRUNER = Path(__file__).parent / "dying_pruner.py"
TEXTS = {
    n: {"a.txt": [f"het gebouw in het jaar {n}", "de omzet"], f"{n}.txt": ["windmolens", f"zon {n}"]}
    for n in range(1, 6)
}
READER = """
import sys
from pathlib import Path
from conftest import Shelf, contents
with Shelf.at(Path(sys.argv[1])).open(int(sys.argv[2])) as version:
    print("open", flush=True)
    sys.stdin.readline()
    print(sorted(contents(version)), flush=True)
"""


@pytest.fixture
def five(shelf: Shelf) -> Shelf:
    """An index of five versions that share files."""
    for changes in TEXTS.values():
        shelf.publish(changes)
    return shelf


def bytes_used(shelf: Shelf) -> int:
    """The bytes of all files of all versions, each file once."""
    files = {f.stat().st_ino: f.stat().st_size for f in shelf.paths.root.glob("0*/**/*") if f.is_file()}
    return sum(files.values())


def assert_whole(shelf: Shelf) -> None:
    for number in shelf.paths.version_numbers():
        directory = shelf.paths.version(number)
        assert find_damage(directory, read_manifest(directory)) == []


def test_the_newest_stay_and_the_bytes_that_went_are_counted(five: Shelf) -> None:
    wanted = contents_of(five, 5)
    foreseen = prune(five.paths, 2, dry_run=True)
    assert five.paths.version_numbers() == [1, 2, 3, 4, 5]
    before = bytes_used(five)
    result = prune(five.paths, 2)
    assert (result.removed, result.kept, result.held, result.leftovers) == ((1, 2, 3), (4, 5), (), ())
    assert result == foreseen
    assert result.freed == before - bytes_used(five) > 0
    assert five.paths.version_numbers() == [4, 5]
    assert_whole(five)
    assert contents_of(five, 5) == wanted
    assert prune(five.paths, 2).removed == ()
    assert five.publish({"b.txt": ["nieuw"]}).version == 6


def test_the_version_that_serves_stays_however_old(five: Shelf) -> None:
    five.paths.current.write_text("000002\n")
    result = prune(five.paths, 1)
    assert (result.removed, result.kept) == ((1, 3, 4), (2, 5))
    assert contents_of(five, None) == contents_of(five, 2)
    assert five.publish({"b.txt": ["nieuw"]}).version == 6


def test_more_to_keep_than_there_is(five: Shelf) -> None:
    assert prune(five.paths, 9).kept == (1, 2, 3, 4, 5)


def test_a_version_that_is_read_here_stays(five: Shelf) -> None:
    wanted = contents_of(five, 2)
    with five.open(2) as version:
        for dry_run in (True, False):
            result = prune(five.paths, 1, dry_run=dry_run)
            assert (result.removed, result.kept, result.held) == ((1, 3, 4), (5,), (2,))
        assert contents(version) == wanted
        assert contents_of(five, 2) == wanted
    assert prune(five.paths, 1).removed == (2,)


def test_a_version_that_another_process_reads_stays(five: Shelf, tmp_path: Path) -> None:
    with another_reader(tmp_path, 3) as reader:
        assert prune(five.paths, 1).held == (3,)
        answer, _ = reader.communicate("read\n", timeout=60)
        assert answer.strip() == str(sorted(contents_of(five, 3)))
    assert prune(five.paths, 1).removed == (3,)


def test_a_reader_that_was_killed_reads_nothing(five: Shelf, tmp_path: Path) -> None:
    with another_reader(tmp_path, 3) as reader:
        reader.kill()
        reader.wait()
        assert prune(five.paths, 1).removed == (1, 2, 3, 4)


def test_a_writer_at_work_is_not_disturbed(five: Shelf) -> None:
    with writer_lock(five.paths.lock):
        with pytest.raises(LockedError):
            prune(five.paths, 1)
        assert prune(five.paths, 1, dry_run=True).removed == (1, 2, 3, 4)
    assert five.paths.version_numbers() == [1, 2, 3, 4, 5]


def test_leftovers_go_and_what_else_lies_there_stays(five: Shelf) -> None:
    left = five.paths.root / ".pruned-000003"
    left.mkdir()
    (left / "vectors-0001.faiss").write_bytes(b"x" * 1000)
    temporary = five.paths.root / ".CURRENT.4711.tmp"
    temporary.write_bytes(b"0000")
    five.paths.building.mkdir()
    for dry_run in (True, False):
        result = prune(five.paths, 3, dry_run=dry_run)
        assert result.leftovers == (".CURRENT.4711.tmp", ".pruned-000003")
        assert result.freed > 1004
        assert left.exists() == temporary.exists() == dry_run
    assert five.paths.version_numbers() == [3, 4, 5]
    assert five.paths.building.exists()
    assert prune(five.paths, 3).leftovers == ()


def test_a_readers_temporary_file_may_go_meanwhile(five: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = five.paths.root / ".verified.json.4711-1.tmp"
    find = prune_module._leftovers

    def find_and_let_the_reader_go_on(paths: IndexPaths) -> list[Path]:
        temporary.write_bytes(b"{}")
        found = list(find(paths))
        temporary.unlink()
        return found

    monkeypatch.setattr(prune_module, "_leftovers", find_and_let_the_reader_go_on)
    for dry_run in (True, False):
        result = prune(five.paths, 3, dry_run=dry_run)
        assert (result.removed, result.leftovers) == ((1, 2), (temporary.name,))


def test_the_rest_of_a_version_that_somebody_began_to_remove_goes(five: Shelf) -> None:
    (five.paths.version(1) / "manifest.json").unlink()
    assert prune(five.paths, 4).removed == (1,)


def test_nothing_goes_when_it_cannot_be_told_which_version_serves(five: Shelf) -> None:
    five.paths.current.write_text("x")
    with pytest.raises(DamagedIndexError, match="the number of a version expected"):
        prune(five.paths, 1)
    assert five.paths.version_numbers() == [1, 2, 3, 4, 5]


def test_a_prune_that_is_killed_at_any_step() -> None:
    with quick_folder() as folder:
        home, copies = folder / "home", folder / "copies"
        shelf = Shelf.at(home)
        for changes in list(TEXTS.values())[:3]:
            shelf.publish(changes)
        wanted = contents_of(shelf, None)
        ran = subprocess.run([sys.executable, PRUNER, home, copies], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        ends = dict(line.split(" ", 1) for line in ran.stdout.splitlines())
        assert list(ends.values()) == ["killed"] * (len(ends) - 1) + ["done"]
        assert len(ends) > 2 * len(list(shelf.paths.version(1).rglob("*")))  # two versions go, file by file
        for name in ends:
            copy = Shelf.at(copies / name)
            assert_whole(copy)
            assert contents_of(copy, None) == wanted
            prune(copy.paths, 1)
            assert {path.name for path in copy.paths.root.iterdir()} - {"verified.json"} == {
                "000003",
                "CURRENT",
                "LOCK",
            }
            assert contents_of(copy, None) == wanted
            shutil.rmtree(copies / name)


@contextmanager
def another_reader(home: Path, number: int) -> Iterator[subprocess.Popen[str]]:
    """A process that has a version open and tells its documents when it is sent a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", READER, str(home), str(number)],
        cwd=Path(__file__).parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            yield process
        finally:
            process.kill()


def contents_of(shelf: Shelf, number: int | None) -> dict[str, list[str]]:
    with shelf.open(number) as version:
        return contents(version)
