"""Metadata filters: conditions such as `year=2024`, and the rows of a version for which they hold."""

from __future__ import annotations

import operator
import re
import unicodedata
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from ragfactory.chunking.model import chunk_key
from ragfactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    import numpy.typing as npt

    from ragfactory.store.documents import Identity
    from ragfactory.store.records import ChunkRecord, DocumentRecord, Place, SharedRow
    from ragfactory.store.segment import Segment
    from ragfactory.store.version import Version

    Mask = npt.NDArray[np.bool_]
    Scalar = str | int | float | bool

OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~", "!~")

_FORM = re.compile(r"([^=!<>~]+)([!<>]=|!~|[=<>~])([^=<>~].*)", re.DOTALL)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What a filter asks of one key. `operator` is one of OPERATORS."""

    key: str
    operator: str
    value: str

    def holds(self, values: Iterable[Scalar]) -> bool:
        """Whether it holds for a key that has these values, none, one or several: that is, for any of them.

        `!=` and `!~` hold where `=` and `~` hold for none. A number compares by its size, anything else as text; `~` is a glob over
        the whole text, in which case makes no difference. Raises UsageError for a number compared with something else.
        """
        found = any(map(self._holds_for, values))
        return not found if self.operator.startswith("!") else found

    def _holds_for(self, stored: Scalar) -> bool:
        positive = self.operator.removeprefix("!")
        if positive == "~":
            return fnmatchcase(_text(stored).casefold(), _text(self.value).casefold())
        compare = _COMPARISONS[positive]
        if isinstance(stored, int | float) and not isinstance(stored, bool):
            return compare(stored, self._number())
        return compare(_text(stored), _text(self.value))

    def _number(self) -> float:
        try:
            return float(self.value)
        except ValueError as error:
            raise UsageError(
                f"--filter {self.key}{self.operator}{self.value}: {self.key} is a number, got {self.value!r}",
                hint=f"compare it with a number, as in '{self.key}=10'",
            ) from error


def parse_filter(text: str) -> Condition:
    """The condition that `KEY OP VALUE` says, such as `page<10` or `path~*.pdf`. Raises UsageError."""
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise UsageError(
            f"--filter: KEY OP VALUE expected, got {text!r}",
            hint=f"OP is one of {' '.join(OPERATORS)}: year=2024, 'page<10', 'path~*.pdf'",
        )
    return Condition(form[1].rstrip(), form[2], form[3].lstrip())


def refuse_unknown_keys(conditions: Iterable[Condition], versions: Iterable[Version]) -> None:
    """Raise UsageError for a key that means nothing in any document of `versions`."""
    known = {*_OF_DOCUMENT, *_OF_PLACE, *_OF_CHUNK, "year", "years"}
    known.update(key for version in versions for document in version.documents.values() for key in document.metadata)
    for condition in conditions:
        if condition.key not in known:
            raise UsageError(
                f"--filter: no document has the key {condition.key!r}", hint=f"there are {', '.join(sorted(known))}"
            )


def matches(conditions: Iterable[Condition], document: DocumentRecord, place: Place, chunk: ChunkRecord) -> bool:
    """Whether all conditions hold for a chunk as it stands at a place of a document. Raises UsageError as `Condition.holds`."""
    return all(condition.holds(_values(condition.key, document, place, chunk)) for condition in conditions)


def matching_rows(
    version: Version, conditions: Sequence[Condition], *, within: Collection[Identity] | None = None
) -> Mask:
    """Which rows stand somewhere, in their own or another document, where all conditions hold: (n,) bool, by row id.

    With `within`, that is one of these documents. Chunks are read only where documents and pages leave it open. Raises UsageError
    as `Condition.holds`.
    """
    of_pages = [condition for condition in conditions if condition.key == "page"]
    of_chunks = [c for c in conditions if c.key != "page" and (c.key in _OF_PLACE or c.key in _OF_CHUNK)]
    of_documents = [c for c in conditions if c not in of_pages and c not in of_chunks]
    documents = [
        document
        for key, document in version.documents.items()
        if (within is None or key in within)
        and all(condition.holds(_document_values(condition.key, document)) for condition in of_documents)
    ]
    matching = np.zeros(version.manifest.next_row, dtype=np.bool_)
    for document in documents:
        for first, count in document.rows:
            matching[first : first + count] = True
    for segment in version.segments.values():
        rows = np.flatnonzero(matching[segment.ids])
        matching[segment.ids[rows]] = _own_fit(version, segment, rows, of_pages, of_chunks)
    for document in documents:
        for shared in document.shared:
            if _shared_fits(version, document, shared, of_pages, of_chunks):
                matching[shared.row] = True
    return matching


def _own_fit(
    version: Version,
    segment: Segment,
    rows: npt.NDArray[np.int64],
    of_pages: Sequence[Condition],
    of_chunks: Sequence[Condition],
) -> Mask:
    """For each of the rows whether it fits where it stands in the document that it was stored for, (n,)."""
    fits = _pages_fit(segment, rows, of_pages) if of_pages else np.ones(len(rows), dtype=np.bool_)
    if of_chunks:
        for i in np.flatnonzero(fits).tolist():
            chunk = segment.chunk(int(rows[i]))
            fits[i] = matches(of_chunks, version.documents[chunk.root, chunk.path], chunk.place, chunk)
    return fits


def _pages_fit(segment: Segment, rows: npt.NDArray[np.int64], conditions: Sequence[Condition]) -> Mask:
    """For each of the rows whether its pages fit, (n,); pages that many rows have are looked at once."""
    spans = segment.pages[rows].astype(np.uint64) << np.uint64(32) | segment.page_ends[rows]
    different, which = np.unique(spans, return_inverse=True)
    fits = [
        all(condition.holds(_pages(span >> 32, span & 0xFFFFFFFF)) for condition in conditions)
        for span in different.tolist()
    ]
    return np.array(fits, dtype=np.bool_)[which]


def _shared_fits(
    version: Version,
    document: DocumentRecord,
    shared: SharedRow,
    of_pages: Sequence[Condition],
    of_chunks: Sequence[Condition],
) -> bool:
    if not all(condition.holds(_OF_PLACE["page"](shared.place)) for condition in of_pages):
        return False
    if not of_chunks:
        return True
    number, row = version.locate(shared.row)
    return matches(of_chunks, document, shared.place, version.segments[number].chunk(row))


def _values(key: str, document: DocumentRecord, place: Place, chunk: ChunkRecord) -> Iterable[Scalar]:
    if key in _OF_PLACE:
        return _OF_PLACE[key](place)
    if key in _OF_CHUNK:
        return _as_values(_OF_CHUNK[key](chunk))
    return _document_values(key, document)


def _document_values(key: str, document: DocumentRecord) -> Iterable[Scalar]:
    if key in _OF_DOCUMENT:
        return _as_values(_OF_DOCUMENT[key](document))
    if key == "year" and key not in document.metadata:
        key = "years"
    return _as_values(document.metadata.get(key))


def _as_values(found: Any) -> Iterable[Scalar]:
    if found is None:
        return ()
    return found if isinstance(found, list) else (found,)


def _text(value: Scalar) -> str:
    """The value as text: true and false as in JSON, accents as one character with their letter."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return unicodedata.normalize("NFC", text)


def _pages(first: int | None, last: int | None) -> Iterable[int]:
    return range(first, (last or first) + 1) if first else ()


def _modified(document: DocumentRecord) -> str:
    """The day (UTC) on which the file was modified, as YYYY-MM-DD."""
    return str(np.datetime64(document.mtime_ns, "ns"))[:10]


_OF_DOCUMENT: dict[str, Callable[[DocumentRecord], object]] = {
    **{key: attrgetter(key) for key in ("path", "root", "document_type", "format", "title", "pages", "size", "chunks")},
    "doc_id": attrgetter("path"),
    "type": attrgetter("document_type"),
    "modified": _modified,
}
_OF_PLACE: dict[str, Callable[[Place], Iterable[Scalar]]] = {
    "page": lambda place: _pages(place.page, place.page_end),
    "page_end": lambda place: (place.page_end,) if place.page_end else (),
    "n": lambda place: (place.n,),
    "headings": attrgetter("headings"),
}
_OF_CHUNK: dict[str, Callable[[ChunkRecord], object]] = {
    **{key: attrgetter(key) for key in ("text", "context", "context_enriched", "language", "strategy")},
    "chunk_strategy": attrgetter("strategy"),
    "chunk_hash": lambda chunk: chunk_key(chunk.text),
}
