"""The rows of a version for which something holds, as masks: arrays of bool by row id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ragfactory.retrieval.filters import document_values, is_of_chunk, matches, page_range, refuse_unknown_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import numpy.typing as npt

    from ragfactory.retrieval.filters import Condition
    from ragfactory.store.documents import Identity
    from ragfactory.store.layout import IndexName
    from ragfactory.store.lexical import RowIds
    from ragfactory.store.records import DocumentRecord, SharedRow
    from ragfactory.store.segment import Segment
    from ragfactory.store.version import Version

    Mask = npt.NDArray[np.bool_]


def rows_among(
    versions: Mapping[IndexName, Version],
    filters: Sequence[Condition],
    within: Mapping[IndexName, Collection[Identity]] | None,
) -> dict[IndexName, Mask]:
    """The rows to look among, by row id: those that stand where all filters hold, in a document `within` these where there are any
    given. Of no index when all rows that count are meant.

    Raises UsageError for a filter whose key is unknown or whose value is not of the key's kind.
    """
    if not filters and within is None:
        return {}
    if filters:  # looking for their keys goes through all documents
        refuse_unknown_keys(filters, versions.values())
    return {
        name: matching_rows(version, filters, within=None if within is None else within[name])
        for name, version in versions.items()
    }


def narrowing(version: Version, matching: Mask) -> dict[str, RowIds]:
    """What full text is told of the rows to look among: their ids, or those of all other rows when they are fewer."""
    others = np.zeros_like(matching)
    for segment in version.segments.values():
        others[segment.ids[segment.live]] = True
    others &= ~matching
    if matching.sum() <= others.sum():
        return {"only": np.flatnonzero(matching)}
    return {"without": np.flatnonzero(others)}


def matching_rows(
    version: Version, conditions: Sequence[Condition], *, within: Collection[Identity] | None = None
) -> Mask:
    """Which rows stand somewhere, in their own or another document, where all conditions hold: (n,) bool, by row id.

    With `within`, that is one of these documents. Chunks are read only where documents and pages leave it open. Raises UsageError
    as `Condition.holds`.
    """
    of_pages = [condition for condition in conditions if condition.key == "page"]
    of_chunks = [c for c in conditions if c.key != "page" and is_of_chunk(c.key)]
    of_documents = [c for c in conditions if c not in of_pages and c not in of_chunks]
    meant = version.documents if within is None else {key: version.documents[key] for key in within}
    documents = [
        document
        for document in meant.values()
        if all(condition.holds(document_values(condition.key, document)) for condition in of_documents)
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
        all(condition.holds(page_range(span >> 32, span & 0xFFFFFFFF)) for condition in conditions)
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
    if not all(condition.holds(page_range(shared.place.page, shared.place.page_end)) for condition in of_pages):
        return False
    if not of_chunks:
        return True
    number, row = version.locate(shared.row)
    return matches(of_chunks, document, shared.place, version.segments[number].chunk(row))
