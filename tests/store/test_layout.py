"""Names that cannot reach another index, and the places of an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import DamagedIndexError, UsageError
from ragfactory.store.layout import IndexName, IndexPaths, find_indexes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../other", "a/b", "a\\b", ".hidden", "-x", "a b", "a\n", "a\0", "é", "x" * 101]
)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    for parts in ((name, "p", "t"), ("t", name, "t"), ("t", "p", name)):
        with pytest.raises(UsageError, match="cannot be the name"):
            IndexName(*parts)


def test_the_places_of_an_index(tmp_path: Path) -> None:
    name = IndexName("acme", "project_001", "jaarrekening")
    paths = IndexPaths.of(tmp_path, name)
    assert str(name) == "acme/project_001/jaarrekening"
    assert paths.root == tmp_path / "acme" / "project_001" / "jaarrekening"
    assert paths.version(7).name == "000007"
    assert paths.version(12_345_678).name == "12345678"


def test_versions_are_the_folders_with_a_number(tmp_path: Path) -> None:
    paths = IndexPaths(tmp_path / "index")
    assert paths.version_numbers() == []
    for entry in ("000010", "000002", "1234567", "building", "000", "000003.old"):
        (paths.root / entry).mkdir(parents=True)
    (paths.root / "000004").write_bytes(b"a file")
    assert paths.version_numbers() == [2, 10, 1234567]


def test_current_names_a_version(tmp_path: Path) -> None:
    paths = IndexPaths(tmp_path)
    assert paths.current_number() is None
    paths.current.write_bytes(b"000012\n")
    assert paths.current_number() == 12


@pytest.mark.parametrize("text", [b"", b"00000q\n", b"\xff\xfe", b"-00001", b"12", b"000001 000002", b"0000_1"])
def test_a_damaged_current_is_named(tmp_path: Path, text: bytes) -> None:
    paths = IndexPaths(tmp_path)
    paths.current.write_bytes(text)
    with pytest.raises(DamagedIndexError, match="CURRENT: the number of a version expected"):
        paths.current_number()


def test_indexes_with_a_version_are_listed_by_name(tmp_path: Path) -> None:
    assert find_indexes(tmp_path) == []
    names = [IndexName("acme", "p1", "offerte"), IndexName("acme", "p1", "algemeen"), IndexName("beta", "p1", "code")]
    for name in names:
        paths = IndexPaths.of(tmp_path, name)
        paths.root.mkdir(parents=True)
        paths.current.write_bytes(b"000001\n")
    (tmp_path / "acme" / "p1" / "never_published").mkdir()
    assert find_indexes(tmp_path) == sorted(names)
    assert find_indexes(tmp_path, tenant="acme", project="p1") == [names[1], names[0]]
    assert find_indexes(tmp_path, document_type="code") == [names[2]]
    assert find_indexes(tmp_path, tenant="acme", document_type="code") == []
