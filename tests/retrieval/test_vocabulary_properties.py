"""What a query names, looked up, against reading all documents: the same years, names and documents, whatever was published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ragfactory.documents.names import names_of
from ragfactory.retrieval.understanding import Vocabulary
from ragfactory.store.open_documents import Line
from ragfactory.store.version import read_documents
from tests.store.conftest import RECIPE, ROOTS, Shelf, add, forget_postings, identity, live_rows, quick_folder

if TYPE_CHECKING:
    from ragfactory.documents.names import Words
    from ragfactory.retrieval.understanding import Kind, Places
    from ragfactory.store.documents import Identity
    from ragfactory.store.records import DocumentRecord
    from ragfactory.store.version import Version

WORDS = ["Brem", "Zon", "de", "Holding", "B.V.", "Anna", "Jaarrekening", "2023", "Zoë"]
PATHS = [f"{name}.txt" for name in ("camping-de-brem", "brief_2023", "zon/offerte_zon", "a", "b", "c")]
phrases = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
documents = st.fixed_dictionaries(
    {"texts": st.lists(st.sampled_from(["omzet", "kosten", "gebouw"]), max_size=3)},
    optional={
        "title": phrases,
        "metadata": st.fixed_dictionaries(
            {},
            optional={
                "years": st.lists(st.sampled_from([2022, 2023, 2024]), max_size=2),
                "companies": st.lists(phrases, max_size=2),
                "author": phrases,
                "topics": st.lists(phrases, max_size=1),
            },
        ),
    },
)
runs = st.lists(st.dictionaries(st.sampled_from(PATHS), st.none() | documents, min_size=1), min_size=1, max_size=5)
queries = st.lists(phrases, min_size=1, max_size=4)


@settings(max_examples=60)
@given(runs, queries)
def test_what_is_looked_up_is_what_all_documents_say(runs: list[dict[str, Any]], queries: list[str]) -> None:
    with quick_folder() as home:
        shelf = Shelf.at(home)
        for run in runs:
            publish(shelf, run)
        for older in (False, True):
            if older:
                forget_postings(shelf.paths.version(len(runs)))
            with shelf.open() as version:
                told = read_documents(version.directory, version.manifest)
                assert [holders(version, row) for row in ids(version)] == [held_by(told, row) for row in ids(version)]
                vocabulary = Vocabulary({shelf.name: version})
                for query in queries:
                    agree(shelf, version, vocabulary, told, query)


class ReadingAll(Vocabulary):
    """The vocabulary with nothing looked up."""

    def __init__(self, shelf: Shelf, version: Version, told: dict[Identity, DocumentRecord]) -> None:
        super().__init__({shelf.name: version})
        self._told = told

    def _places(self, kind: Kind, words: Words) -> Places:
        having = [document for document in self._told.values() if has(document, kind, " ".join(words))]
        if kind == "name" and 2 * len(having) > max(len(self._told), 2):
            return frozenset()
        return frozenset((name, Line(1, n)) for name in self._versions for n, _ in enumerate(having))


def publish(shelf: Shelf, run: dict[str, Any]) -> None:
    leaning = set()
    if shelf.paths.current_number() is not None:
        with shelf.open() as version:
            leaning = {path for _, path in version.documents}
    with shelf.builder(leaning) as builder:  # so that no document leans on a row of one that changes
        for path, document in run.items():
            if document is None:
                builder.remove(identity(path))
            else:
                add(builder, path, **document)
        builder.publish(RECIPE, ROOTS)


def agree(
    shelf: Shelf, version: Version, vocabulary: Vocabulary, told: dict[Identity, DocumentRecord], query: str
) -> None:
    understood = vocabulary.understand(query)
    having = [{key for key, document in told.items() if has(document, e.kind, e.value)} for e in understood]
    assert [entry.documents for entry in understood] == list(map(len, having))
    assert all(having)
    assert understood == ReadingAll(shelf, version, told).understand(query)
    if not understood:
        return
    years = [keys for entry, keys in zip(understood, having, strict=True) if entry.kind == "year"]
    names = [keys for entry, keys in zip(understood, having, strict=True) if entry.kind == "name"]
    kinds = [set().union(*keys) for keys in (years, names) if keys]
    assert vocabulary.documents(understood) == {shelf.name: set.intersection(*kinds)}
    if years:
        kinds[0] |= {key for key, document in told.items() if not document.metadata.get("years")}
    rows = ids(version)
    expected = [sum(bool(held_by(told, row) & keys) for keys in kinds) / len(kinds) for row in rows]
    assert vocabulary.shares(understood, [(shelf.name, row) for row in rows]) == expected


def has(document: DocumentRecord, kind: str, value: str) -> bool:
    if kind == "year":
        return int(value) in document.metadata.get("years", [])
    return tuple(value.split()) in set(names_of(document.path, document.title, document.metadata))


def ids(version: Version) -> list[int]:
    return [int(version.segments[number].ids[row]) for number, row in live_rows(version)]


def holders(version: Version, row_id: int) -> set[Identity]:
    found = [version.documents.read(line) for line in version.holders(row_id)]
    return {(document.root, document.path) for document in found}


def held_by(told: dict[Identity, DocumentRecord], row_id: int) -> set[Identity]:
    return {
        key
        for key, document in told.items()
        if any(first <= row_id < first + count for first, count in document.rows)
        or any(shared.row == row_id for shared in document.shared)
    }
