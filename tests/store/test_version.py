"""An opened version: complete or refused by name, and readable for as long as it is held."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import orjson
import pytest

from ragfactory.errors import DamagedIndexError, IndexNotFoundError
from ragfactory.store.rollback import rollback
from ragfactory.store.version import read_documents, read_manifest
from tests.store.conftest import chunk_key, contents, found_by_words, live_rows, nearest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.store.conftest import Shelf

FIRST = {"a.txt": ["het gebouw aan de kade", "de omzet"], "b.txt": ["de omzet", "windmolens"]}
CHANGES = {"a.txt": ["het gebouw is verkocht"], "c.txt": ["zonnepanelen", "zonnepanelen"]}
SECOND = FIRST | CHANGES


@pytest.fixture
def two_versions(shelf: Shelf) -> Shelf:
    """Two versions; the second has a deleted row, a shared one and two segments."""
    shelf.publish(FIRST)
    shelf.publish(CHANGES)
    return shelf


def test_the_version_that_serves_is_opened_or_the_one_asked_for(two_versions: Shelf) -> None:
    with two_versions.open() as current, two_versions.open(1) as first:
        assert (current.manifest.version, first.manifest.version) == (2, 1)
        assert contents(first) == FIRST
        assert contents(current) == SECOND


def test_what_is_not_there_is_not_found(shelf: Shelf) -> None:
    with pytest.raises(IndexNotFoundError, match="there is no index acme/project_001/jaarrekening"):
        shelf.open()
    shelf.publish(FIRST)
    with pytest.raises(IndexNotFoundError, match="has no version 000007"):
        shelf.open(7)


def test_a_current_that_names_nothing_is_damage(two_versions: Shelf) -> None:
    two_versions.paths.current.write_bytes(b"000009\n")
    with pytest.raises(DamagedIndexError, match="names version 000009, which is not there"):
        two_versions.open()


def test_a_reader_keeps_a_version_whose_folder_is_removed(two_versions: Shelf) -> None:
    with two_versions.open() as version:
        shutil.rmtree(two_versions.paths.version(2))
        assert contents(version) == SECOND
        assert found_by_words(version, "gebouwen") == ["het gebouw is verkocht"]
        assert nearest(version, "zonnepanelen") == "zonnepanelen"
        assert [holder.place.n for holder in sharers_of_text(version, "zonnepanelen")] == [1]


def test_a_row_names_the_other_places_of_its_chunk(shelf: Shelf) -> None:
    shelf.publish({"a.txt": ["x", "y", "x"], "b.txt": ["z", "x"], "c.txt": ["z"]})
    with shelf.open() as version:
        places = {
            text: [(h.document.path, h.place.n, h.place.page) for h in sharers_of_text(version, text)] for text in "xyz"
        }
        assert places == {"x": [("a.txt", 2, 3), ("b.txt", 1, 2)], "y": [], "z": [("c.txt", 0, 1)]}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x01
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("harm", [flip, truncate, lambda path: path.unlink()], ids=["flip", "truncate", "remove"])
def test_damage_to_any_file_is_refused_by_its_name(two_versions: Shelf, harm: Callable[[Path], None]) -> None:
    directory = two_versions.paths.version(2)
    names = read_manifest(directory).files
    assert {"chunks-0001.jsonl", "deleted-0001.npy", "rows-0002.npy", "vectors-0002.faiss", "lexical/meta.json"} <= set(
        names
    )
    for name in names:
        whole = (directory / name).read_bytes()
        harm(directory / name)
        with pytest.raises(DamagedIndexError, match=f"/{name}: "):
            two_versions.open()
        (directory / name).write_bytes(whole)
    two_versions.open().close()


def test_a_flipped_bit_anywhere_in_a_manifest_is_noticed(two_versions: Shelf) -> None:
    path = two_versions.paths.version(2) / "manifest.json"
    whole = path.read_bytes()
    for at in range(0, len(whole), 9):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        path.write_bytes(damaged)
        with pytest.raises(DamagedIndexError):
            read_manifest(path.parent)


@pytest.mark.parametrize("change", [{"format": "ragfactory-index/0"}, {"chunks": 1}, {"digest": None}, {"segments": 1}])
def test_a_changed_manifest_is_refused(two_versions: Shelf, change: dict[str, object]) -> None:
    path = two_versions.paths.version(2) / "manifest.json"
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | change))
    with pytest.raises(DamagedIndexError, match=r"manifest\.json"):
        two_versions.open()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"{}", b"\xff"])
def test_what_is_no_manifest_is_damage(two_versions: Shelf, text: bytes) -> None:
    (two_versions.paths.version(2) / "manifest.json").write_bytes(text)
    with pytest.raises(DamagedIndexError, match=r"manifest\.json"):
        two_versions.open()


def test_unreadable_documents_are_damage_also_without_a_check(two_versions: Shelf) -> None:
    directory = two_versions.paths.version(2)
    manifest = read_manifest(directory)
    for text in (b"{", b'{"root": 1}\n'):
        (directory / "documents-0001.jsonl").write_bytes(text)
        with pytest.raises(DamagedIndexError, match=r"documents-0001\.jsonl"):
            read_documents(directory, manifest)
    (directory / "documents-0001.jsonl").unlink()
    with pytest.raises(DamagedIndexError, match=r"documents-0001\.jsonl"):
        read_documents(directory, manifest)


@pytest.mark.parametrize("file", ["documents-0001.jsonl", "manifest.json"])
@pytest.mark.parametrize("way", ["older", "anew"])
def test_the_hint_leads_out_of_damage(two_versions: Shelf, file: str, way: str) -> None:
    paths = two_versions.paths
    flip(paths.version(2) / file)
    with pytest.raises(DamagedIndexError) as caught:
        two_versions.open()
    hint = caught.value.hint or ""
    assert f"`ragfactory index rollback 1 {two_versions.name.options}` makes an older version serve" in hint
    assert f"or remove {paths.current} and ingest the folder again" in hint
    if way == "older":
        rollback(paths, two_versions.name, 1)
    else:
        paths.current.unlink()
        two_versions.publish(FIRST)
    with two_versions.open() as version:
        assert contents(version) == FIRST


def sharers_of_text(version: object, text: str) -> list:
    for number, row in live_rows(version):
        if version.segments[number].chunk_keys[row].tobytes() == chunk_key(text):
            return version.sharers(int(version.segments[number].ids[row]))
    raise AssertionError(f"{text!r} is not stored")
