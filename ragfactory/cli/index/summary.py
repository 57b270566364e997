"""What `index list` and `index show` say of an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragfactory.store.records import Manifest
    from ragfactory.store.settings import Settings


def summary(manifest: Manifest) -> dict[str, Any]:
    """An index as scripts see it."""
    return {
        "index": manifest.index,
        "version": manifest.version,
        "created": manifest.created,
        "document_count": manifest.documents,
        "chunk_count": manifest.chunks,
        "languages": manifest.languages,
        "embedder": manifest.embedder.name,
        "vector_index": manifest.vector_index,
        "recall_at_10": manifest.recall_at_10,
        "bytes": size_of(manifest),
    }


def size_of(manifest: Manifest) -> int:
    """The bytes of all files of a version, whether it shares them with others or not."""
    return sum(entry.bytes for entry in manifest.files.values())


def kind_of(manifest: Manifest) -> str:
    """How vectors are searched; with the recall that was measured, where that is approximate."""
    recall = f" {manifest.recall_at_10:.3f}" if manifest.recall_at_10 < 1 else ""
    return manifest.vector_index + recall


def settings_line(settings: Settings, manifest: Manifest) -> str:
    """How an index is searched in place of what its profile says, and what that was fitted to; or why it is not."""
    keys = ", ".join(f"{key} {value:g}" for key, value in settings.retrieve.items())
    fitted = settings.fitted
    told = f"{keys}: fitted to {fitted.questions:,} questions of version {fitted.version:06d}"
    if settings.suit(manifest.embedder):
        return f"searched with {told}"
    return f"not searched with {told}, which had another embedder ({fitted.embedder})"
