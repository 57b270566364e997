"""Files that are all as they were written and do not fit each other are found, and so are files that do not belong."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pytest

from ragfactory.errors import DamagedIndexError
from ragfactory.store.check import check_index
from ragfactory.store.durable import sha256_of
from ragfactory.store.postings import Postings
from ragfactory.store.records import FileEntry
from ragfactory.store.version import read_manifest
from tests.store.conftest import contents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ragfactory.store.check import VersionCheck
    from tests.store.conftest import Shelf

FIRST = {"a.txt": ["het gebouw aan de kade", "de omzet"], "b.txt": ["de omzet", "windmolens"]}
CHANGES = {"a.txt": ["het gebouw is verkocht"], "c.txt": ["zonnepanelen", "zonnepanelen"]}


@pytest.fixture
def two(shelf: Shelf) -> Shelf:
    """Two versions; the second has a deleted row, a shared one and two segments."""
    shelf.publish(FIRST)
    shelf.publish(CHANGES)
    return shelf


def forge(directory: Path, **fields: Any) -> None:
    """Make the manifest one that fits the files as they are now, with other `fields`."""
    manifest = read_manifest(directory)
    names = [path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()]
    files = {
        name: FileEntry(bytes=(directory / name).stat().st_size, sha256=sha256_of(directory / name))
        for name in names
        if name in manifest.files
    }
    (directory / "manifest.json").write_bytes(manifest.model_copy(update={"files": files, **fields}).to_json())


def replace(path: Path, data: bytes) -> None:
    """Give one version's file other bytes, and leave those of other versions that share it."""
    path.unlink()
    path.write_bytes(data)


def check(shelf: Shelf) -> VersionCheck:
    (found,) = check_index(shelf.paths)
    return found


def test_a_whole_index_is_whole(two: Shelf) -> None:
    for number, found in zip((1, 2), check_index(two.paths, all_versions=True), strict=True):
        files = read_manifest(two.paths.version(number)).files
        assert (found.number, found.damage, found.strangers) == (number, (), ())
        assert found.files == len(files) + 1
        assert found.bytes == sum(entry.bytes for entry in files.values())
    assert check(two).number == 2
    assert check_index(two.paths, read_all=True) == check_index(two.paths)


def test_an_index_that_was_never_published_has_nothing_to_check(shelf: Shelf) -> None:
    assert check_index(shelf.paths) == []


def edit_documents(directory: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the last file of documents."""
    path = max(directory.glob("documents-*.jsonl"))
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    change(lines)
    replace(path, b"".join(orjson.dumps(line) + b"\n" for line in lines))


def edit_rows(directory: Path, change: Callable[[Any], object]) -> None:
    path = directory / "rows-0001.npy"
    table = np.load(path)
    change(table)
    path.unlink()
    np.save(path, table)


def lose_a_document(directory: Path) -> None:
    edit_documents(directory, lambda lines: lines.pop(0))


def point_at_a_row_that_is_not_there(directory: Path) -> None:
    edit_documents(directory, lambda lines: lines[0].update(rows=[[400, lines[0]["chunks"]]]))


def hold_a_row_too_few(directory: Path) -> None:
    edit_documents(directory, lambda lines: lines[-1]["shared"].clear())


def write_a_line_that_is_no_document(directory: Path) -> None:
    edit_documents(directory, lambda lines: lines.append({"root": "/documents"}))


def move_a_line(directory: Path) -> None:
    edit_rows(directory, lambda table: table["offset"].__setitem__(1, 7))


def give_two_rows_one_id(directory: Path) -> None:
    edit_rows(directory, lambda table: table["id"].__setitem__(1, table["id"][0]))


def swap_ids(directory: Path) -> None:
    edit_rows(directory, lambda table: table["id"].__setitem__(slice(None), table["id"][::-1].copy()))


def write_no_table(directory: Path) -> None:
    replace(directory / "rows-0001.npy", b"rows")


def delete_another_row(directory: Path) -> None:
    path = directory / "deleted-0001.npy"
    path.unlink()
    np.save(path, np.array([2], dtype="<u4"))


def delete_a_row_twice(directory: Path) -> None:
    path = directory / "deleted-0001.npy"
    path.unlink()
    np.save(path, np.array([0, 1], dtype="<u4"))


def delete_a_row_that_is_not_there(directory: Path) -> None:
    path = directory / "deleted-0001.npy"
    path.unlink()
    np.save(path, np.array([99], dtype="<u4"))


def take_another_segments_vectors(directory: Path) -> None:
    replace(directory / "vectors-0001.faiss", (directory / "vectors-0002.faiss").read_bytes())


def write_no_vectors(directory: Path) -> None:
    replace(directory / "vectors-0001.faiss", b"vectors")


def take_the_full_text_of_the_version_before(directory: Path) -> None:
    shutil.rmtree(directory / "lexical")
    shutil.copytree(directory.parent / "000001" / "lexical", directory / "lexical")


def take_the_postings_of_another_file(directory: Path) -> None:
    replace(directory / "postings-0001.npy", Postings.of([], []).data)


def write_no_postings(directory: Path) -> None:
    replace(directory / "postings-0001.npy", b"postings")


DISAGREEMENTS = {
    lose_a_document: "no document holds them",
    point_at_a_row_that_is_not_there: "are in no segment",
    hold_a_row_too_few: "chunks expected",
    write_a_line_that_is_no_document: "documents",
    move_a_line: "rows-0001.npy: the rows' offsets",
    give_two_rows_one_id: "rows-0001.npy: the rows' ids",
    swap_ids: "rows-0001.npy: the rows' ids",
    write_no_table: "cannot be opened",
    delete_another_row: "do not count",
    delete_a_row_twice: "deleted-0001.npy: 1 deleted rows expected, found 2",
    delete_a_row_that_is_not_there: "not a list of deleted rows",
    take_another_segments_vectors: "vectors-0001.faiss",
    write_no_vectors: "vectors-0001.faiss",
    take_the_postings_of_another_file: "postings-0001.npy: it is not what documents-0001.jsonl comes to",
    write_no_postings: "postings-0001.npy: not a table of postings",
}


@pytest.mark.parametrize("forgery", DISAGREEMENTS, ids=lambda forgery: forgery.__name__)
def test_files_that_do_not_fit_each_other(two: Shelf, forgery: Callable[[Path], None]) -> None:
    directory = two.paths.version(2)
    forgery(directory)
    forge(directory)
    found = check(two)
    assert found.damage
    assert any(DISAGREEMENTS[forgery] in str(damage) for damage in found.damage), found.damage


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"documents": 9}, "9 documents expected, found 3"),
        ({"chunks": 9}, "9 chunks expected"),
        ({"places": 9}, "9 places expected"),
        ({"next_row": 2}, "past the manifest's next_row"),
    ],
)
def test_a_manifest_that_counts_wrong(two: Shelf, fields: dict[str, int], words: str) -> None:
    forge(two.paths.version(2), **fields)
    assert words in str(check(two).damage[0])


def test_a_full_text_index_of_other_rows(two: Shelf) -> None:
    directory = two.paths.version(2)
    take_the_full_text_of_the_version_before(directory)
    manifest = read_manifest(directory)
    names = [f"lexical/{path.name}" for path in (directory / "lexical").iterdir()]
    entries = {name: FileEntry(bytes=0, sha256="") for name in names}
    kept = {name: entry for name, entry in manifest.files.items() if not name.startswith("lexical/")}
    (directory / "manifest.json").write_bytes(manifest.model_copy(update={"files": kept | entries}).to_json())
    forge(directory)
    assert "in the full-text index" in str(check(two).damage[0])


def test_files_that_do_not_belong_are_named_and_do_no_harm(two: Shelf) -> None:
    directory = two.paths.version(2)
    (directory / "lexical" / ".tantivy-meta.lock").touch()
    strangers = (directory / "lexical" / "notes.txt", directory / "vectors-0009.faiss")
    for path in strangers:
        path.touch()
    assert check(two).damage == ()
    assert check(two).strangers == strangers


def test_damage_to_one_version_is_not_another_s(two: Shelf) -> None:
    (two.paths.version(1) / "manifest.json").write_bytes(b"{")
    assert [bool(found.damage) for found in check_index(two.paths, all_versions=True)] == [True, False]
    assert check(two).damage == ()
    with two.open() as version:
        assert contents(version)


def test_a_manifest_that_cannot_be_opened(two: Shelf) -> None:
    manifest = two.paths.version(2) / "manifest.json"
    manifest.unlink()
    manifest.mkdir()
    assert [damage.path for damage in check(two).damage] == [manifest]
    with pytest.raises(DamagedIndexError, match="cannot be opened"):
        two.open()


def test_a_current_that_names_nothing(two: Shelf) -> None:
    two.paths.current.write_text("000009\n")
    (damage,) = check(two).damage
    assert str(damage) == f"{two.paths.version(9) / 'manifest.json'}: it cannot be opened: No such file or directory"
    two.paths.current.write_text("x")
    with pytest.raises(DamagedIndexError, match="the number of a version expected"):
        check_index(two.paths)
