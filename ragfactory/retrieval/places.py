"""Where a passage stands: in the document it was stored for, and in every other that has the same text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.retrieval.filters import matches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ragfactory.retrieval.filters import Condition
    from ragfactory.store.documents import Identity
    from ragfactory.store.records import ChunkRecord, DocumentRecord, Place
    from ragfactory.store.version import Version


@dataclass(frozen=True, slots=True)
class PlaceInDocument:
    """A document that holds a passage, and where in it."""

    document: DocumentRecord
    place: Place

    @property
    def doc_id(self) -> str:
        """The document's path below the folder that was ingested."""
        return self.document.path

    @property
    def root(self) -> str:
        """The folder that was ingested."""
        return self.document.root

    @property
    def chunk_id(self) -> str:
        """The name of the chunk: the document's and the chunk's number in it."""
        return f"{self.doc_id}#c{self.place.n:04d}"


def places_of(
    version: Version,
    row_id: int,
    chunk: ChunkRecord,
    conditions: Sequence[Condition],
    *,
    within: Collection[Identity] | None = None,
) -> list[PlaceInDocument]:
    """Every place of a row's passage, those first where all conditions hold, and with `within` in one of these documents.

    Among equals the document that it was stored for comes first, if that still holds it.
    """

    def fits(at: PlaceInDocument) -> bool:
        meant = within is None or (at.root, at.doc_id) in within
        return meant and matches(conditions, at.document, at.place, chunk)

    return sorted(_places(version, row_id, chunk), key=lambda at: not fits(at))


def _places(version: Version, row_id: int, chunk: ChunkRecord) -> Iterator[PlaceInDocument]:
    owner = version.documents.get((chunk.root, chunk.path))
    if owner and any(first <= row_id < first + count for first, count in owner.rows):
        yield PlaceInDocument(owner, chunk.place)
    for holder in version.sharers(row_id):
        yield PlaceInDocument(holder.document, holder.place)
