"""A document that was read, on its way into an index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.pipeline.contexts import Context
    from ragfactory.pipeline.open_index import Change
    from ragfactory.pipeline.prepare import PreparedDocument
    from ragfactory.pipeline.scan import Source
    from ragfactory.store.records import DocumentRecord


@dataclass(frozen=True, slots=True)
class Arrival:
    """A prepared document on its way in. It replaces `previous`, which may stand in the index of another type; one that is made
    again only `for_contexts` may stay as it is; one that is `leaning`, if all of these do.
    """

    source: Source
    prepared: PreparedDocument
    previous: DocumentRecord | None
    forced: bool
    moved: bool
    for_contexts: bool = False
    leaning: bool = False

    @property
    def document_type(self) -> str:
        """The type that was recognised or forced."""
        return self.prepared.classification.type

    @property
    def change(self) -> Change:
        """What becomes of its index."""
        return "changed" if self.previous else "moved" if self.moved else "added"

    def gained_nothing(self, contexts: Sequence[Context]) -> bool:
        """Whether it would be stored again as it is, with these contexts."""
        before = self.previous
        if not self.for_contexts or before is None or before.key != self.prepared.key:
            return False
        if before.document_type != self.document_type:
            return False
        return sum(context.missing for context in contexts) >= before.contexts_missing
