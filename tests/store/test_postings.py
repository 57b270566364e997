"""Postings: what documents are found by, kept beside them, and made where an older build left them out."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pytest

from ragfactory.store import postings
from ragfactory.store.check import check_index
from ragfactory.store.postings import FIELDS, RULES, Postings, term, terms_of
from ragfactory.store.records import Place, SharedRow
from ragfactory.store.version import read_manifest
from tests.store.conftest import Shelf, contents, document_record, forget_postings, identity

if TYPE_CHECKING:
    from ragfactory.store.version import Version

LETTER = document_record(
    "letters/brief_2023_camping-de-brem.txt",
    2,
    title="Jaarrekening Hotel de Zon B.V. in 2023",
    metadata={"years": [2022, 2023], "author": "Zoë van Dijk", "companies": ["A.B.C. N.V."], "topics": ["bouw"]},
    shared=(SharedRow(row=7, place=Place(n=1, start=0, end=1)),),
)
NAMES = [
    "camping de brem",
    "de brem",
    "brem",
    "brief camping de brem",
    "hotel de zon",
    "zoe van dijk",
    "abc",
]


def texts(count: int) -> dict[str, list[str]]:
    return {f"{n:03d}.txt": [f"tekst{n}", "allemaal"] for n in range(count)}


def found(version: Version, path: str) -> bool:
    return bool(version.documents.find(term("document", *identity(path))))


def test_a_document_is_found_by_what_it_says_of_itself() -> None:
    terms = set(terms_of(LETTER))
    assert term("document", LETTER.root, LETTER.path) in terms
    assert term("shared", 7) in terms
    assert {term("year", "2022"), term("year", "2023"), term("type", "jaarrekening")} <= terms
    assert [name for name in NAMES if term("name", *name.split()) not in terms] == ["de brem"]
    assert not terms & {term("year"), term("year", "2024"), term("shared", 8), term("name", "bouw")}
    assert term("year") in set(terms_of(document_record("a.txt", 1)))


def test_other_terms_have_other_rules() -> None:
    """Where this fails, the terms of documents have changed: raise RULES, and note here what they are now."""
    terms = b"".join(sorted(set(terms_of(LETTER))))
    types = files("ragfactory.documents").joinpath("type_names.txt").read_bytes()
    assert (RULES, hashlib.sha256(terms + types).hexdigest()[:16]) == (1, "658aad2bead19bb1")


def test_the_table_is_what_the_reference_says(shelf: Shelf) -> None:
    shelf.publish(texts(3))
    directory = shelf.paths.version(1)
    table = np.load(directory / "postings-0001.npy", allow_pickle=False)
    assert table.dtype == np.dtype(FIELDS)
    wanted = hashlib.sha256(orjson.dumps(["document", *identity("001.txt")])).digest()[:16]
    (offset,) = table["offset"][table["term"] == np.void(wanted)]
    line = (directory / "documents-0001.jsonl").read_bytes()[int(offset) :].splitlines()[0]
    assert orjson.loads(line)["path"] == "001.txt"


def test_a_small_change_links_the_long_table_and_its_lines_are_replaced(shelf: Shelf) -> None:
    shelf.publish(texts(100))
    shelf.publish({"007.txt": ["anders"], "008.txt": None})
    first, second = (shelf.paths.version(n) for n in (1, 2))
    assert (first / "postings-0001.npy").samefile(second / "postings-0001.npy")
    with shelf.open() as version:
        assert version.documents[identity("007.txt")].chunks == 1
        assert len(version.documents.find(term("year"))) == 99
        assert found(version, "009.txt")
        assert not found(version, "008.txt")
        with pytest.raises(KeyError):
            version.documents[identity("008.txt")]


def test_a_document_is_read_by_itself_after_its_version_was_removed(shelf: Shelf) -> None:
    shelf.publish(texts(10))
    version = shelf.open()
    for file in shelf.paths.version(1).glob("*-0001.*"):
        file.unlink()
    with version:
        assert version.documents[identity("003.txt")].chunks == 2
        assert len(version.documents) == 10


def test_a_version_without_postings_is_read_and_the_next_has_them(shelf: Shelf) -> None:
    shelf.publish(texts(100))
    shelf.publish({"007.txt": None})
    forget_postings(shelf.paths.version(1))
    forget_postings(shelf.paths.version(2))
    with shelf.open() as version:
        assert not found(version, "007.txt")
        assert version.documents[identity("099.txt")].chunks == 2
        assert len(version.sharers(1)) == 98
    assert shelf.publish({"200.txt": ["nieuw"], "201.txt": ["nieuw"]}).document_lines == (100, 3)
    assert {"postings-0001.npy", "postings-0002.npy"} <= read_manifest(shelf.paths.version(3)).files.keys()
    assert [check.damage for check in check_index(shelf.paths, all_versions=True)] == [()] * 3
    with shelf.open() as version:
        assert all(version.documents.is_stored(n) for n in (1, 2))
        assert len(contents(version)) == 101


def test_postings_by_other_rules_are_made_anew(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(postings, "RULES", 0)
        older.setattr(postings, "terms_of", lambda document: [term("path", document.path)])
        shelf.publish(texts(20))
    with shelf.open() as version:
        assert not version.documents.is_stored(1)
        assert found(version, "007.txt")
        assert not version.documents.find(term("path", "007.txt"))
    shelf.publish({"200.txt": ["nieuw"]})
    first, second = (shelf.paths.version(n) / "postings-0001.npy" for n in (1, 2))
    assert first.read_bytes() != second.read_bytes()
    assert [check.damage for check in check_index(shelf.paths, all_versions=True)] == [(), ()]
    with shelf.open() as version:
        assert version.documents.is_stored(1)
        assert found(version, "007.txt")


def test_a_table_is_the_same_whoever_makes_it(shelf: Shelf) -> None:
    shelf.publish(texts(20))
    shelf.publish({"000.txt": None, "020.txt": ["nieuw"]})
    with shelf.open() as version:
        for number in (1, 2):
            stored = (shelf.paths.version(2) / f"postings-000{number}.npy").read_bytes()
            assert version.documents.make_postings(number).data == stored


def test_what_is_no_table_is_refused() -> None:
    whole = bytes(Postings.of([LETTER.to_line()], []).data)
    for data in (b"", whole[:-1], whole[:60], b"x" + whole[1:]):
        with pytest.raises(ValueError, match="not a table of postings"):
            Postings(data)
