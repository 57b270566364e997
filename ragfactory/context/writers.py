"""The context writers by the name a profile gives in `enrich.writer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ragfactory.context.structural import StructuralWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.chunking.model import Chunk
    from ragfactory.documents.model import Document
    from ragfactory.profiles import Enrich


class ContextWriter(Protocol):
    """Adds to each chunk what it does not say itself. `name` and `version` are part of every context's key."""

    @property
    def name(self) -> str:
        """The writer's name in profiles and manifests."""

    @property
    def version(self) -> str:
        """Raised when the same chunk would get another context."""

    def write(self, document: Document, chunks: Sequence[Chunk]) -> list[str]:
        """A context for each of the document's `chunks`, in their order; empty where there is nothing to add."""


class NoContextWriter:
    """Leaves every context empty."""

    name = "none"
    version = "1"

    def write(self, document: Document, chunks: Sequence[Chunk]) -> list[str]:  # noqa: ARG002 - the interface
        """An empty context for each chunk."""
        return [""] * len(chunks)


_WRITERS: tuple[ContextWriter, ...] = (StructuralWriter(), NoContextWriter())


def context_writer(enrich: Enrich) -> ContextWriter:
    """The writer that a profile asks for; where that is a language model, the one whose contexts it starts from."""
    return next((writer for writer in _WRITERS if writer.name == enrich.writer), _WRITERS[0])
