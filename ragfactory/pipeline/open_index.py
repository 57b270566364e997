"""An index that a run changes: what is built, what waits for vectors, and what comes and goes."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ragfactory.errors import NothingPublishedError, UsageError
from ragfactory.store.publish import NewChunk

if TYPE_CHECKING:
    from ragfactory.pipeline.recipe import Recipe
    from ragfactory.pipeline.scan import Source
    from ragfactory.pipeline.vectors import Text
    from ragfactory.store.documents import Identity
    from ragfactory.store.layout import IndexName
    from ragfactory.store.publish import Repeated, VersionBuilder
    from ragfactory.store.records import DocumentRecord
    from ragfactory.store.version import Version

    Change = Literal["added", "changed", "moved"]


@dataclass(slots=True)
class Waiting:
    """A document that is whole but for the vectors of its chunks. `lent` are the chunks (by key) that wait for the row and the
    context of another document.
    """

    source: Source
    record: DocumentRecord
    chunks: list[NewChunk | Repeated]
    change: Change
    lent: set[bytes] = field(default_factory=set)

    @property
    def identity(self) -> Identity:
        """The document's root and path."""
        return self.record.root, self.record.path


@dataclass(slots=True)
class OpenIndex:
    """One index of the run: its builder, the texts that want vectors (by vector key), and the documents that wait for them.

    `recipe` is None where no document is added. `claimed` are the chunks (by key) of documents that wait: what repeats one asks
    for no vector. `stored` has the source keys of documents that were added, `removals` those that are to be taken out, and `left`
    those that were not done when time was up. `touched` has it published although nothing of that changed.
    """

    name: IndexName
    recipe: Recipe | None
    builder: VersionBuilder
    base: Version | None
    wanted: dict[bytes, Text] = field(default_factory=dict)
    claimed: set[bytes] = field(default_factory=set)
    waiting: list[Waiting] = field(default_factory=list)
    stored: dict[Identity, str] = field(default_factory=dict)
    removals: dict[Identity, DocumentRecord] = field(default_factory=dict)
    left: set[Identity] = field(default_factory=set)
    touched: bool = False

    @property
    def has_changed(self) -> bool:
        """Whether there is something to publish."""
        return bool(self.stored or self.removals or self.touched)

    def missing(self, document: Waiting) -> list[NewChunk]:
        """The chunks of a document that have no vector yet."""
        return [
            chunk
            for chunk in document.chunks
            if isinstance(chunk, NewChunk)
            and not self.builder.is_stored(chunk.chunk_key)
            and not self.builder.has_vector(chunk.vector_key)
        ]

    def close(self) -> None:
        """Close its files. What is not published stays under `building/` for the next run."""
        with self.base or nullcontext():
            self.builder.close()


def refuse_stranding(base: Version, recipe: Recipe, accounted: set[Identity]) -> None:
    """Raise UsageError where documents would be left out of an index that is built with another embedder: that means all anew."""
    if base.manifest.embedder.fingerprint == recipe.embedder.fingerprint:
        return
    stranded = sorted({root for root, path in base.documents if (root, path) not in accounted})
    if stranded:
        raise UsageError(
            f"{base.manifest.index} was built with {base.manifest.embedder.name}; with {recipe.embedder.name} all of it must be "
            f"built again, and this run leaves out documents of {', '.join(stranded)}",
            hint="name those folders as well",
        )


def refuse_loss(index: OpenIndex) -> None:
    """Raise NothingPublishedError where a document would go that has failed: of an index that is built with another embedder there
    is none from before to fall back on.
    """
    if index.base is None:
        return
    kept = {(document.root, document.path) for document in index.builder.documents}
    lost = sorted(path for root, path in set(index.base.documents) - kept - index.removals.keys())
    if lost:
        raise NothingPublishedError(
            f"{index.name}: {len(lost)} documents are not built with the new embedder yet, {lost[0]} among them",
            hint="mend or remove files that failed, or run again if time was up; the version from before still serves",
        )
