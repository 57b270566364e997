"""What must hold of a home whatever happened to the runs over it, judged by what the folder held when each of them began."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.errors import RagfactoryError
from ragfactory.retrieval.results import Mode
from ragfactory.retrieval.search import Searcher
from ragfactory.store.check import check_index
from ragfactory.store.layout import IndexName, IndexPaths
from ragfactory.store.version import Version
from tests.proofs.changing_library import KINDS, of_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ragfactory.config import Config
    from ragfactory.retrieval.results import Hit
    from tests.proofs.changing_library import Document

    Documents = Mapping[str, Document]


class Oracle:
    """Knows what every version of a home's indexes has to hold. A violation is told in words."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._versions: dict[tuple[str, int], Documents] = {}
        self._words: set[str] = set()
        self.serving: dict[str, Documents] = {kind: {} for kind in KINDS}

    def of_copy(self, config: Config) -> Oracle:
        """An oracle for a copy of the home."""
        oracle = Oracle(config)
        oracle._versions, oracle._words, oracle.serving = self._versions.copy(), self._words.copy(), self.serving.copy()
        return oracle

    def after_run(self, folder: Documents, *, done: bool) -> list[str]:
        """After an ingest or a reindex over a folder of these documents, that was `done` or died at some point."""
        self._words |= {document.word for document in folder.values()}
        before = self._all_serving()
        found = _told(self._take_in_versions(kind, folder) for kind in KINDS)
        served = self._all_serving()
        served_words = {document.word for _, _, document in served}
        served_paths = {path for _, path, _ in served}
        for kind, path, document in before:
            if path in folder and path not in served_paths:
                found.append(f"{path}, which was in {kind}, is in no index")
            if document in folder.values() and document.word not in served_words:
                found.append(f"the text of {path}, which was in {kind} and is in the folder, is in no index")
        if done:
            for kind in KINDS:
                if self.serving[kind] != of_kind(folder, kind):
                    found.append(f"{kind} does not hold the folder after a run that was done")
        return [*found, *_told((self._check(all_versions=done), self._search()))]

    def after_upkeep(self, *, same: bool) -> list[str]:
        """After a prune or a rollback, that was done or died. It makes no versions; what serves stays the `same`, or need not."""
        before = self.serving.copy()
        found = _told(self._take_in_versions(kind, {}) for kind in KINDS)
        if same and self.serving != before:
            found.append("another version serves")
        return [*found, *_told((self._check(all_versions=True), self._search()))]

    def _all_serving(self) -> list[tuple[str, str, Document]]:
        """(kind, path, document) of all that serves."""
        return [(kind, path, document) for kind in KINDS for path, document in self.serving[kind].items()]

    def _paths(self, kind: str) -> IndexPaths:
        return IndexPaths.of(self._config.indexes, self._name(kind))

    def _name(self, kind: str) -> IndexName:
        return IndexName(self._config.tenant, self._config.project, kind)

    def _take_in_versions(self, kind: str, folder: Documents) -> Iterator[str]:
        """Tell new versions that hold neither the folder nor the folder and what moves on from here, and what serves now."""
        paths = self._paths(kind)
        target = of_kind(folder, kind)
        leaving = {path: document for path, document in self.serving[kind].items() if path not in target}
        current = paths.current_number()
        for number in paths.version_numbers():
            if (kind, number) in self._versions and number != current:
                continue
            with Version.open(paths, self._name(kind), number) as version:
                found = contents(version)
            known = self._versions.get((kind, number))
            for documents in (known,) if known is not None else (target, target | leaving):
                if found == {path: document.text for path, document in documents.items()}:
                    self._versions[kind, number] = documents
                    break
            else:
                yield f"{kind} {number} holds {sorted(found)}, not {sorted(known or target)}, or not their texts"
        if current is not None:
            self.serving[kind] = self._versions.get((kind, current), {})

    def _check(self, *, all_versions: bool) -> Iterator[str]:
        """Tell what a reading of every byte finds."""
        for kind in KINDS:
            for check in check_index(self._paths(kind), all_versions=all_versions, read_all=True):
                yield from (f"{kind} {check.number} is damaged: {damage}" for damage in check.damage)
                yield from (f"{kind} {check.number} has a stranger: {path}" for path in check.strangers)

    def _search(self) -> Iterator[str]:
        """Tell documents that their own word does not find, and words that find what should not be there."""
        expected: dict[str, set[tuple[str, str]]] = {word: set() for word in self._words}
        for kind, path, document in self._all_serving():
            expected[document.word].add((kind, path))
        with Searcher.open(self._config) as searcher:
            for word, places in expected.items():
                hits = searcher.search(word, mode=Mode.TEXT, top_k=10).hits
                found = {place for hit in hits for place in _places(hit)}
                if found != places:
                    yield f"{word} finds {sorted(found)}, and should find {sorted(places)}"
                yield from (f"{word} finds {hit.chunk.text!r}" for hit in hits if word not in hit.chunk.text)


def contents(version: Version) -> dict[str, str]:
    """The text of every document of a version, put together from its rows, one space between two chunks."""
    found = {}
    for (_, path), document in version.documents.items():
        chunks = {}
        for first, count in document.rows:
            for row_id in range(first, first + count):
                number, row = version.locate(row_id)
                chunk = version.segments[number].chunk(row)
                chunks[chunk.place.n] = chunk.text
        for shared in document.shared:
            number, row = version.locate(shared.row)
            chunks[shared.place.n] = version.segments[number].chunk(row).text
        found[path] = " ".join(chunks[n] for n in sorted(chunks))
    return found


def _told(looks: Iterable[Iterator[str]]) -> list[str]:
    """All violations that were found; an error on the way is one too."""
    found = []
    for look in looks:
        try:
            found.extend(look)
        except RagfactoryError as error:
            found.append(f"{type(error).__name__}: {error}")
    return found


def _places(hit: Hit) -> list[tuple[str, str]]:
    """(kind, path) of every place of a hit."""
    return [(hit.index.document_type, place.doc_id) for place in (hit.at, *hit.others)]
