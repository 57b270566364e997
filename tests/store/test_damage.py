"""Damage to any file of a version is refused and named, and a file is read again whenever it could have changed since."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import DamagedIndexError
from ragfactory.store.check import check_index
from ragfactory.store.damage import find_damage
from ragfactory.store.prune import prune
from ragfactory.store.verified import VerifiedFiles
from ragfactory.store.version import read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.store.conftest import Shelf

FIRST = {"a.txt": ["het gebouw aan de kade", "de omzet"], "b.txt": ["de omzet", "windmolens"]}
CHANGES = {"a.txt": ["het gebouw is verkocht"], "c.txt": ["zonnepanelen", "zonnepanelen"]}


@pytest.fixture
def two(shelf: Shelf) -> Shelf:
    """Two versions; the second has a deleted row, a shared one and two segments."""
    shelf.publish(FIRST)
    shelf.publish(CHANGES)
    return shelf


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute later than it is, so that every file is long at rest."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 60 * 10**9)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were hashed so far."""
    names: list[str] = []
    digest = hashlib.file_digest

    def noting(file: object, name: str) -> object:
        names.append(Path(file.name).name)
        return digest(file, name)

    monkeypatch.setattr(hashlib, "file_digest", noting)
    return names


def overwrite(path: Path, data: bytes) -> None:
    """Change a file where it lies. It is never empty meanwhile: an opened version may have it mapped."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(data)
        file.truncate()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x01
    overwrite(path, data)


def flip_and_set_the_time_back(path: Path) -> None:
    status = path.stat()
    flip(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def remove(path: Path) -> None:
    path.unlink()


HARMS = (flip, flip_and_set_the_time_back, truncate, remove)


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("opened_before", [False, True])
def test_damage_to_any_file_is_named_by_a_check_and_refused_by_a_reader(
    two: Shelf, later: None, harm: Callable[[Path], None], opened_before: bool
) -> None:
    directory = two.paths.version(2)
    names = [*read_manifest(directory).files, "manifest.json"]
    for name in names:
        if opened_before:
            two.open().close()
            assert two.paths.verified.exists()
        whole = (directory / name).read_bytes()
        harm(directory / name)
        for read_all in (True, False):
            (check,) = check_index(two.paths, read_all=read_all)
            assert [damage.path for damage in check.damage] == [directory / name]
        with pytest.raises(
            DamagedIndexError, match=r"/manifest\.json|not there" if name == names[-1] else f"/{name}: "
        ):
            two.open()
        overwrite(directory / name, whole)
    (check,) = check_index(two.paths, read_all=True)
    assert check.damage == ()
    two.open().close()


def test_all_damage_is_named_at_once(two: Shelf) -> None:
    directory = two.paths.version(2)
    names = list(read_manifest(directory).files)
    flip(directory / names[0])
    remove(directory / names[1])
    truncate(directory / names[2])
    damage = find_damage(directory, read_manifest(directory))
    assert [entry.path for entry in damage] == [directory / name for name in names[:3]]
    with pytest.raises(DamagedIndexError, match="and 2 more"):
        two.open()


def test_what_was_hashed_is_not_read_again(two: Shelf, later: None, hashed: list[str]) -> None:
    files = read_manifest(two.paths.version(2)).files
    two.open().close()
    assert len(hashed) == len(files)
    two.open().close()
    check_index(two.paths)
    assert len(hashed) == len(files)
    check_index(two.paths, read_all=True)
    assert len(hashed) == 2 * len(files)


def test_what_versions_share_is_not_read_again_after_a_publish_or_a_prune(
    two: Shelf, later: None, hashed: list[str]
) -> None:
    two.open().close()
    known = {path.stat().st_ino for path in two.paths.version(2).rglob("*")}
    two.publish({"d.txt": ["nieuw"]})
    new = {path.name for path in two.paths.version(3).rglob("*") if path.is_file() and path.stat().st_ino not in known}
    hashed.clear()
    two.open().close()
    assert set(hashed) == new - {"manifest.json"}
    assert "vectors-0001.faiss" not in hashed
    prune(two.paths, 1)
    hashed.clear()
    two.open().close()
    assert hashed == []


def test_a_file_that_was_just_written_is_read_again(
    two: Shelf, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    latest = max(path.stat().st_ctime_ns for path in two.paths.version(2).rglob("*"))
    monkeypatch.setattr(time, "time_ns", lambda: latest + 10**9)
    two.open().close()
    two.open().close()
    assert len(hashed) == 2 * len(read_manifest(two.paths.version(2)).files)


def test_a_file_that_is_written_while_it_is_relinked_is_read_again(two: Shelf, later: None, hashed: list[str]) -> None:
    two.open().close()
    file = two.paths.version(2) / "chunks-0001.jsonl"
    verified = VerifiedFiles(two.paths)
    with verified.relinking([file]):
        os.link(file, two.paths.root / "other")
    verified.save()
    hashed.clear()
    two.open().close()
    assert hashed == []
    with verified.relinking([file]):
        os.link(file, two.paths.root / "another")
        flip(file)
    verified.save()
    with pytest.raises(DamagedIndexError, match=r"chunks-0001\.jsonl"):
        two.open()


def test_a_changed_manifest_is_not_covered_by_the_cache(two: Shelf, later: None) -> None:
    two.open().close()
    directory = two.paths.version(2)
    manifest = read_manifest(directory)
    name, entry = next(iter(manifest.files.items()))
    forged = manifest.model_copy(
        update={"files": manifest.files | {name: entry.model_copy(update={"sha256": "0" * 64})}}
    )
    (directory / "manifest.json").write_bytes(forged.to_json())
    with pytest.raises(DamagedIndexError, match=name):
        two.open()


@pytest.mark.parametrize("cache", [b"", b"{", b"[]", b'{"1": [1]}', b'{"x": [1, 2, 3, "y"]}', b"\xff"])
def test_a_damaged_cache_costs_a_reading_and_no_more(two: Shelf, later: None, hashed: list[str], cache: bytes) -> None:
    two.open().close()
    whole = two.paths.verified.read_bytes()
    two.paths.verified.write_bytes(cache)
    hashed.clear()
    two.open().close()
    assert len(hashed) == len(read_manifest(two.paths.version(2)).files)
    assert two.paths.verified.read_bytes() == whole


def test_a_cache_that_cannot_be_written_leaves_nothing_behind(two: Shelf, later: None) -> None:
    two.paths.verified.mkdir()
    two.open().close()
    assert not list(two.paths.root.glob(".*.tmp"))


def test_the_cache_forgets_files_that_are_gone(two: Shelf, later: None) -> None:
    for number in (1, 2):
        two.open(number).close()
    stamps = len(two.paths.verified.read_bytes().split(b"],"))
    prune(two.paths, 1)
    two.publish({"d.txt": ["nieuw"]})
    two.open().close()
    kept = {path.stat().st_ino for path in two.paths.root.glob("*/**/*") if path.is_file()}
    assert stamps > 0
    assert len(two.paths.verified.read_bytes().split(b"],")) < len(kept)
