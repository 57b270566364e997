"""Whether the files of a version agree with each other, which the hash of none of them tells."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from ragfactory.errors import DamagedIndexError
from ragfactory.store.damage import Damage
from ragfactory.store.documents import documents_name
from ragfactory.store.layout import LEXICAL
from ragfactory.store.postings import postings_name
from ragfactory.store.segment import chunks_name, deleted_name, rows_name
from ragfactory.store.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ragfactory.store.records import DocumentRecord, Manifest
    from ragfactory.store.segment import Mask, Segment


def find_disagreements(directory: Path, manifest: Manifest) -> list[Damage]:
    """Everything that does not fit in a version whose files are as they were written. What cannot be opened is damage too."""
    try:
        version = Version(directory, manifest)
    except DamagedIndexError as error:
        return [Damage.told_by(error)]
    except (OSError, ValueError, LookupError) as error:  # what NumPy says of a table that is none, or too short
        return [Damage(directory, f"it cannot be opened: {error}")]
    with version:
        try:
            for segment in version.segments.values():
                segment.vectors.open()
                assert len(segment.live) == segment.entry.rows
            postings = list(_in_postings(version))
        except DamagedIndexError as error:
            return [Damage.told_by(error)]
        segments = [damage for segment in version.segments.values() for damage in _in_segment(directory, segment)]
        return [*(segments or [*_in_rows(version), *_in_counts(version)]), *postings]


def _in_postings(version: Version) -> Iterator[Damage]:
    """What documents are found by against what their lines say. Raises DamagedIndexError for lines that are no documents."""
    documents = version.documents
    for number, table in enumerate(documents.postings, 1):
        if documents.is_stored(number) and table.data[:] != documents.make_postings(number).data:
            what = f"it is not what {documents_name(number)} comes to"
            yield Damage(version.directory / postings_name(number), what)


def _in_segment(directory: Path, segment: Segment) -> Iterator[Damage]:
    """The table of rows against the manifest, the lines and the list of deleted rows. FAISS's count was compared on opening."""
    rows, deleted = segment.entry.rows, segment.entry.deleted
    table = directory / rows_name(segment.number)
    if len(segment) != rows:
        yield Damage(table, f"{rows} rows expected, found {len(segment)}")
    if (np.diff(segment.ids.astype(np.int64)) <= 0).any():
        yield Damage(table, "the rows' ids do not ascend")
    with (directory / chunks_name(segment.number)).open("rb") as lines:
        starts = [0, *accumulate(map(len, lines))][:-1]
    if not np.array_equal(segment.table["offset"], starts):
        yield Damage(table, "the rows' offsets are not where the chunks' lines start")
    if (found := int((~segment.live).sum())) != deleted:
        yield Damage(directory / deleted_name(segment.number), f"{deleted} deleted rows expected, found {found}")


def _in_rows(version: Version) -> Iterator[Damage]:
    """The rows that documents hold against those that count."""
    limit = version.manifest.next_row
    live = np.concatenate([np.empty(0, dtype=np.uint64), *(s.ids[s.live] for s in version.segments.values())])
    if (live >= limit).any() or len(np.unique(live)) != len(live):
        yield Damage(version.directory, "two rows have one id, or an id is past the manifest's next_row")
        return
    counts = np.zeros(limit, dtype=np.bool_)
    counts[live] = True
    held = np.zeros(limit, dtype=np.bool_)
    for document in version.documents.values():
        if what := _wrong_with(document, counts):
            yield Damage(version.directory, f"{document.path} of {document.root}: {what}")
        for first, count in _runs(document):
            held[first : first + count] = True
    if left := int((counts & ~held).sum()):
        yield Damage(version.directory, f"{left} rows count, and no document holds them")


def _runs(document: DocumentRecord) -> list[tuple[int, int]]:
    """The rows that a document holds, its own and those it shares, as (first id, number of rows)."""
    return [*document.rows, *((shared.row, 1) for shared in document.shared)]


def _wrong_with(document: DocumentRecord, counts: Mask) -> str | None:
    runs = _runs(document)
    if (rows := sum(count for _, count in runs)) != document.chunks:
        return f"{document.chunks} chunks expected, found {rows} rows"
    if missing := [first for first, count in runs if counts[first : first + count].sum() != count]:
        return f"the rows from id {missing[0]} are in no segment, or do not count"
    return None


def _in_counts(version: Version) -> Iterator[Damage]:
    """What the manifest counts."""
    manifest = version.manifest
    live = sum(int(segment.live.sum()) for segment in version.segments.values())
    found = {
        "documents": (manifest.documents, len(version.documents)),
        "chunks": (manifest.chunks, live),
        "places": (manifest.places, sum(document.chunks for document in version.documents.values())),
    }
    for what, (expected, came) in found.items():
        if expected != came:
            yield Damage(version.directory, f"{expected} {what} expected, found {came}")
    if (rows := version.lexical.live) != live:
        yield Damage(version.directory / LEXICAL, f"{live} rows expected in the full-text index, found {rows}")
