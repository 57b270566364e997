"""From prepared documents to published versions: contexts joined to chunks, vectors made once a key, rows stored."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from ragfactory import events
from ragfactory.context.enriched import enriched_text
from ragfactory.errors import NothingPublishedError, UsageError
from ragfactory.profiles import Index as IndexOptions
from ragfactory.store.publish import NewChunk, Repeated, VersionBuilder
from ragfactory.store.records import ChunkRecord, DocumentRecord, Place
from ragfactory.store.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ragfactory.chunking.model import Chunk
    from ragfactory.embedding.model import Embedder
    from ragfactory.events import Listener
    from ragfactory.pipeline.prepare import PreparedDocument
    from ragfactory.pipeline.recipe import Recipe, Recipes
    from ragfactory.pipeline.scan import Source
    from ragfactory.store.documents import Identity
    from ragfactory.store.layout import IndexName, IndexPaths
    from ragfactory.store.records import EmbedderEntry, Manifest, RootEntry

    Change = Literal["added", "changed", "moved"]

BATCH = 128  # texts a call of the embedder: enough to sort by length, few enough that a killed run loses little


@dataclass(slots=True)
class _Waiting:
    """A document that is whole but for the vectors of its chunks."""

    record: DocumentRecord
    chunks: list[NewChunk | Repeated]
    change: Change


@dataclass(slots=True)
class _Index:
    """One index of the run: its builder, the texts that wait for vectors (by key), and their documents.

    `recipe` is None where no document is added. `stored` has the source keys of documents that were added, `removals` those
    that are to be taken out, and `left` those that were not done when time was up.
    """

    name: IndexName
    recipe: Recipe | None
    builder: VersionBuilder
    base: Version | None
    texts: dict[bytes, str] = field(default_factory=dict)
    waiting: list[_Waiting] = field(default_factory=list)
    stored: dict[Identity, str] = field(default_factory=dict)
    removals: dict[Identity, DocumentRecord] = field(default_factory=dict)
    left: set[Identity] = field(default_factory=set)


class Assembly:
    """Takes prepared documents in and publishes the indexes they belong to.

    `making` names the documents that this run makes anew, and `removed` those it takes out; of these the ones whose source key is
    in `renamed` go when they are stored under their new name. Once `is_over` says so, no more vectors are made, and documents that
    are not whole by then are left to the next run.
    """

    def __init__(
        self,
        open_index: Callable[[str], tuple[IndexName, IndexPaths]],
        recipes: Recipes,
        emit: Listener,
        *,
        making: Collection[Identity],
        removed: Collection[DocumentRecord],
        renamed: Collection[str],
        is_over: Callable[[], bool],
    ) -> None:
        self._is_over = is_over
        self._open_index = open_index
        self._recipes = recipes
        self._emit = emit
        self._making = making
        self._removed = list(removed)
        self._renamed = renamed
        self._replaced: dict[Identity, DocumentRecord] = {}
        self._indexes: dict[str, _Index] = {}
        self._embedders: dict[str, Embedder] = {}

    def add(
        self,
        source: Source,
        prepared: PreparedDocument,
        previous: DocumentRecord | None,
        *,
        forced: bool,
        moved: bool = False,
    ) -> None:
        """Take a document in. It replaces `previous`, which may stand in the index of another type."""
        document_type = prepared.classification.type
        recipe = self._recipes[document_type]
        index = self._indexes.get(document_type) or self._open(document_type, recipe)
        record = _record(source, prepared, recipe, forced=forced)
        waiting = _Waiting(record, [], "changed" if previous else "moved" if moved else "added")
        made = reused = 0
        for n, (chunk, context) in enumerate(zip(prepared.chunks, prepared.contexts, strict=True)):
            place = _place(n, chunk)
            chunk_key = bytes.fromhex(chunk.key)
            if index.builder.is_stored(chunk_key):
                waiting.chunks.append(Repeated(place, chunk_key))
                continue
            text = enriched_text(source.name, document_type, context, chunk.text)
            vector_key = _vector_key(text, recipe.embedder)
            if index.builder.has_vector(vector_key) or vector_key in index.texts:
                reused += 1
            else:
                index.texts[vector_key] = text
                made += 1
            stored = ChunkRecord(
                root=source.root,
                path=source.doc_id,
                place=place,
                text=chunk.text,
                context=context,
                language=chunk.language or prepared.language,
                strategy=recipe.profile.chunk.strategy,
            )
            waiting.chunks.append(NewChunk(stored, text, chunk_key, vector_key))
        index.waiting.append(waiting)
        if previous is not None and previous.document_type != document_type:
            self._replaced[record.root, record.path] = previous
        deduplicated = len(prepared.chunks) - made - reused
        self._emit(events.Assembled(source.root, source.doc_id, str(index.name), made, reused, deduplicated))
        if len(index.texts) >= BATCH:
            self._embed(index)

    def touch(self, document_type: str) -> None:
        """Have an index published again, although its documents may stay as they are."""
        if document_type not in self._indexes:
            self._open(document_type, None)

    def refresh(self, document: DocumentRecord, mtime_ns: int) -> None:
        """Note a file's new time, if its index is published anyway: it spares the next run from reading the file."""
        if index := self._indexes.get(document.document_type):
            index.builder.refresh((document.root, document.path), mtime_ns)

    def publish(self, roots: Mapping[str, RootEntry]) -> None:
        """Make the vectors that are still missing and publish every index that changed.

        A document that moves is in its new index before it leaves the old one: an index that documents leave for another is
        published after those that only take in. Where they go both ways, an index takes in with one version and lets go with the
        next.
        """
        for index in self._indexes.values():
            self._embed(index)
        for record in self._leaving():
            index = self._indexes.get(record.document_type) or self._open(record.document_type, None)
            index.removals[record.root, record.path] = record
        for index in self._indexes.values():
            _refuse_loss(index)
        crossing = [index for index in self._indexes.values() if index.stored and self._loses_to_others(index)]
        for index in crossing[1:]:
            self._publish(index, roots)
            self._open_again(index)
        for index in sorted(self._indexes.values(), key=lambda i: (self._loses_to_others(i), not i.stored)):
            for identity in index.removals:
                index.builder.remove(identity)
            self._publish(index, roots)

    def _leaving(self) -> list[DocumentRecord]:
        """The documents to take out: not one that was made anew where it is, nor one that is not stored under its new name yet."""
        stored = {key for index in self._indexes.values() for key in index.stored.values()}
        waiting = set(self._renamed) - stored
        remade = {(kind, identity) for kind, index in self._indexes.items() for identity in index.stored}
        return [
            record
            for record in self._removed
            if record.key not in waiting and (record.document_type, (record.root, record.path)) not in remade
        ]

    def _loses_to_others(self, index: _Index) -> bool:
        """Whether a document that leaves the index is in another one now, under its name or a new one."""
        others = [other.stored for other in self._indexes.values() if other is not index]
        keys = {key for stored in others for key in stored.values()}
        return any(
            record.key in keys or any(identity in stored for stored in others)
            for identity, record in index.removals.items()
        )

    def _publish(self, index: _Index, roots: Mapping[str, RootEntry]) -> None:
        self._emit(events.Publishing(str(index.name)))
        started = time.perf_counter()
        manifest = index.builder.publish(self._profile_of(index), roots, complete=not index.left)
        seconds = time.perf_counter() - started
        self._tell_missed(manifest)
        self._emit(events.Published(manifest.index, manifest.version, manifest.documents, manifest.chunks, seconds))

    def _open_again(self, index: _Index) -> None:
        """Open an index that was published, to take out what is to leave it."""
        _close(index)
        self._open(index.name.document_type, None).removals.update(index.removals)

    def _tell_missed(self, manifest: Manifest) -> None:
        for kind in {entry.missed for entry in manifest.segments if entry.missed}:
            message = f"{manifest.index}: {kind} does not reach the recall wanted on some segments; these are searched exactly"
            self._emit(events.Notice(message))

    def close(self) -> None:
        """Close what is open. What is not published stays under `building/` for the next run."""
        for index in self._indexes.values():
            _close(index)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, document_type: str, recipe: Recipe | None) -> _Index:
        """Open an index to add to it by `recipe`, or, with None, only to take documents out."""
        name, paths = self._open_index(document_type)
        base = Version.open(paths, name) if paths.current_number() is not None else None
        leaving = {*self._making, *((record.root, record.path) for record in self._removed)}
        options = self._recipes.options(document_type) or IndexOptions()
        if recipe is not None and base is not None:
            _refuse_stranding(base, recipe, leaving)
        builder = VersionBuilder(paths, name, base, _embedder_of(base, recipe), leaving, options=options)
        if builder.recovered:
            self._emit(events.Recovered(str(name), builder.recovered))
        self._indexes[document_type] = index = _Index(name, recipe, builder, base)
        return index

    def _embed(self, index: _Index) -> None:
        """Make the vectors that are waited for, and store the documents that waited."""
        wanted = list(index.texts.items())
        for first in range(0, len(wanted), BATCH):
            if self._is_over():
                break
            batch = wanted[first : first + BATCH]
            embedder = self._embedder(index.recipe)
            started = time.perf_counter()
            encoded = embedder.encode([text for _, text in batch])
            index.builder.put_vectors([key for key, _ in batch], encoded.vectors)
            seconds = time.perf_counter() - started
            self._emit(events.Embedded(len(batch), encoded.tokens, encoded.windowed, seconds, embedder.device))
        index.texts.clear()
        for waiting in index.waiting:
            self._store(index, waiting)
        index.waiting.clear()

    def _store(self, index: _Index, waiting: _Waiting) -> None:
        """Store a document that is whole, else leave it to the next run, and with it all after it: they may repeat its chunks."""
        record = waiting.record
        identity = record.root, record.path
        new = (chunk for chunk in waiting.chunks if isinstance(chunk, NewChunk))
        if index.left or not all(index.builder.has_vector(chunk.vector_key) for chunk in new):
            index.left.add(identity)
            self._emit(events.Left(*identity))
            return
        index.builder.add(record, waiting.chunks)
        index.stored[identity] = record.key
        if previous := self._replaced.get(identity):
            self._removed.append(previous)
        self._emit(events.Stored(*identity, str(index.name), waiting.change))

    def _profile_of(self, index: _Index) -> dict[str, Any]:
        """The profile that the manifest names: that of the documents that were added, else the one from before."""
        if index.recipe is not None:
            return index.recipe.profile.model_dump(mode="json")
        assert index.base is not None, "a document that is taken out is in a version"
        options = self._recipes.options(index.name.document_type)
        return index.base.manifest.recipe | ({"index": options.model_dump(mode="json")} if options else {})

    def _embedder(self, recipe: Recipe | None) -> Embedder:
        assert recipe is not None, "documents are added by a recipe"
        if recipe.embedder.fingerprint not in self._embedders:
            from ragfactory.embedding.engine import best_device, open_embedder

            self._emit(events.Notice(recipe.model.note))
            self._embedders[recipe.embedder.fingerprint] = open_embedder(recipe.model, device=best_device())
        return self._embedders[recipe.embedder.fingerprint]


def _close(index: _Index) -> None:
    index.builder.close()
    if index.base is not None:
        index.base.close()


def _embedder_of(base: Version | None, recipe: Recipe | None) -> EmbedderEntry:
    if recipe is not None:
        return recipe.embedder
    assert base is not None, "a document that is taken out is in a version"
    return base.manifest.embedder


def _record(source: Source, prepared: PreparedDocument, recipe: Recipe, *, forced: bool) -> DocumentRecord:
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
        metadata=prepared.metadata,
    )


def _place(n: int, chunk: Chunk) -> Place:
    return Place(
        n=n, start=chunk.start, end=chunk.end, page=chunk.page, page_end=chunk.page_end, headings=chunk.headings
    )


def _vector_key(text: str, embedder: EmbedderEntry) -> bytes:
    return hashlib.sha256(f"{embedder.fingerprint}\n{text}".encode()).digest()


def _refuse_stranding(base: Version, recipe: Recipe, accounted: set[Identity]) -> None:
    """A new embedder means all vectors anew: every document of the index must be part of the run."""
    if base.manifest.embedder.fingerprint == recipe.embedder.fingerprint:
        return
    stranded = sorted({root for root, path in base.documents if (root, path) not in accounted})
    if stranded:
        raise UsageError(
            f"{base.manifest.index} was built with {base.manifest.embedder.name}; with {recipe.embedder.name} all of it must be "
            f"built again, and this run leaves out documents of {', '.join(stranded)}",
            hint="name those folders as well",
        )


def _refuse_loss(index: _Index) -> None:
    """Where the base could not be built upon, a file that failed has no document from before to fall back on."""
    if index.base is None:
        return
    kept = {(document.root, document.path) for document in index.builder.documents}
    lost = sorted(path for root, path in set(index.base.documents) - kept - index.removals.keys())
    if lost:
        raise NothingPublishedError(
            f"{index.name}: {len(lost)} documents are not built with the new embedder yet, {lost[0]} among them",
            hint="mend or remove files that failed, or run again if time was up; the version from before still serves",
        )
