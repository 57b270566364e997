"""A prepared document as the store keeps it: its record, and its chunks with the texts that are embedded."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ragfactory.context.enriched import enriched_text
from ragfactory.store.publish import NewChunk
from ragfactory.store.records import ChunkRecord, DocumentRecord, Place

if TYPE_CHECKING:
    from ragfactory.chunking.model import Chunk
    from ragfactory.pipeline.contexts import Context
    from ragfactory.pipeline.prepare import PreparedDocument
    from ragfactory.pipeline.recipe import Recipe
    from ragfactory.pipeline.scan import Source
    from ragfactory.store.records import EmbedderEntry


def document_record(
    source: Source, prepared: PreparedDocument, recipe: Recipe, *, forced: bool, contexts_missing: int
) -> DocumentRecord:
    """What the index keeps of a document, whose type was `forced` or recognised."""
    return DocumentRecord(
        root=source.root,
        path=source.doc_id,
        key=prepared.key,
        size=prepared.size,
        mtime_ns=prepared.mtime_ns,
        recipe=recipe.digest(source.doc_id, forced=forced),
        forced=forced,
        document_type=prepared.classification.type,
        type_confidence=prepared.classification.confidence,
        format=prepared.format,
        language=prepared.language,
        title=prepared.title,
        pages=prepared.pages,
        chunks=len(prepared.chunks),
        contexts_missing=contexts_missing,
        metadata=prepared.metadata,
    )


def place_of(n: int, chunk: Chunk) -> Place:
    """Where a document's n-th chunk stands in it."""
    return Place(
        n=n, start=chunk.start, end=chunk.end, page=chunk.page, page_end=chunk.page_end, headings=chunk.headings
    )


def new_chunk(
    source: Source, prepared: PreparedDocument, recipe: Recipe, chunk: Chunk, place: Place, *, context: Context
) -> NewChunk:
    """A chunk with its record, the text that is embedded and searched, and its keys."""
    text = enriched_text(context.text, chunk.text)
    record = ChunkRecord(
        root=source.root,
        path=source.doc_id,
        place=place,
        text=chunk.text,
        context=context.text,
        context_enriched=context.enriched,
        language=chunk.language or prepared.language,
        strategy=recipe.profile.chunk.strategy,
    )
    return NewChunk(record, text, bytes.fromhex(chunk.key), _vector_key(text, recipe.embedder))


def _vector_key(text: str, embedder: EmbedderEntry) -> bytes:
    return hashlib.sha256(f"{embedder.fingerprint}\n{text}".encode()).digest()
