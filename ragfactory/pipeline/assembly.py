"""From prepared documents to published versions: contexts joined to chunks, vectors made once a key, rows stored."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from ragfactory import events
from ragfactory.errors import EmbeddingFailedError
from ragfactory.pipeline.entries import document_record, new_chunk, place_of
from ragfactory.pipeline.moving import leaving, loses_to_others, publishing_order
from ragfactory.pipeline.open_index import OpenIndex, Waiting, refuse_loss, refuse_stranding
from ragfactory.pipeline.vectors import Text
from ragfactory.profiles import Index as IndexOptions
from ragfactory.store.publish import Repeated, VersionBuilder
from ragfactory.store.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from ragfactory.errors import RagfactoryError
    from ragfactory.events import Listener
    from ragfactory.pipeline.arrival import Arrival
    from ragfactory.pipeline.contexts import Context
    from ragfactory.pipeline.prepare import PreparedDocument
    from ragfactory.pipeline.recipe import Recipe, Recipes
    from ragfactory.pipeline.scan import Source
    from ragfactory.pipeline.vectors import VectorMaker
    from ragfactory.store.documents import Identity
    from ragfactory.store.layout import IndexName, IndexPaths
    from ragfactory.store.publish import NewChunk
    from ragfactory.store.records import DocumentRecord, EmbedderEntry, Manifest, RootEntry

    Gate = Callable[[IndexName, Path, Manifest], None]


_TICK_S = 0.05


class Assembly:
    """Takes prepared documents in and publishes the indexes they belong to.

    `making` names the documents that this run makes anew, and `removed` those it takes out; of these the ones whose source key is
    in `renamed` go when they are stored under their new name. Once `is_over` says so, no more vectors are made but for
    documents whose contexts a language model writes, and documents that are not whole by then are left to the next run. A
    document with a chunk that cannot be embedded is reported to `give_up`. While vectors are made, `meanwhile` is called now and
    then, with how long it may wait, in seconds, for something to look after. `gate` raises for a version that is complete and not
    to serve.
    """

    def __init__(
        self,
        open_index: Callable[[str], tuple[IndexName, IndexPaths]],
        recipes: Recipes,
        vectors: VectorMaker,
        emit: Listener,
        *,
        making: Collection[Identity],
        removed: Collection[DocumentRecord],
        renamed: Collection[str],
        is_over: Callable[[], bool],
        give_up: Callable[[Source, RagfactoryError], None],
        meanwhile: Callable[[float], None] = lambda _timeout_s: None,
        gate: Gate = lambda _name, _directory, _manifest: None,
    ) -> None:
        self._open_index = open_index
        self._recipes = recipes
        self._vectors = vectors
        self._emit = emit
        self._making = making
        self._removed = list(removed)
        self._renamed = renamed
        self._is_over = is_over
        self._give_up = give_up
        self._meanwhile = meanwhile
        self._gate = gate
        self._replaced: dict[Identity, DocumentRecord] = {}
        self._indexes: dict[str, OpenIndex] = {}

    def is_known(self, document_type: str, chunk_key: bytes) -> bool:
        """Whether the index of that type has the chunk, by this run or before it, or gets it with a document that waits."""
        index = self._indexes.get(document_type) or self._open(document_type, self._recipes[document_type])
        return chunk_key in index.claimed or index.builder.is_stored(chunk_key)

    def add(self, arrival: Arrival, contexts: Sequence[Context]) -> None:
        """Take a document in, with the contexts of its chunks."""
        source, prepared, previous = arrival.source, arrival.prepared, arrival.previous
        recipe = self._recipes[arrival.document_type]
        index = self._indexes.get(arrival.document_type) or self._open(arrival.document_type, recipe)
        missing = sum(context.missing for context in contexts)
        record = document_record(source, prepared, recipe, forced=arrival.forced, contexts_missing=missing)
        document = Waiting(source, record, [], arrival.change)
        made, reused = self._take_chunks(index, document, prepared, contexts)
        index.waiting.append(document)
        if previous is not None and previous.document_type != arrival.document_type:
            self._replaced[document.identity] = previous
        deduplicated = len(prepared.chunks) - made - reused
        self._emit(events.Assembled(source.root, source.doc_id, str(index.name), made, reused, deduplicated))
        if index.wanted and self._vectors.is_worth_it(recipe.model, len(index.wanted)):
            self._complete(index)

    def touch(self, document_type: str) -> None:
        """Have an index published again, although its documents may stay as they are."""
        index = self._indexes.get(document_type) or self._open(document_type, None)
        index.touched = True

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
            self._complete(index)
        self._vectors.rest()
        for record in leaving(self._removed, self._renamed, self._indexes):
            index = self._indexes.get(record.document_type) or self._open(record.document_type, None)
            index.removals[record.root, record.path] = record
        for index in self._indexes.values():
            refuse_loss(index)
        indexes = self._indexes.values()
        crossing = [index for index in indexes if index.stored and loses_to_others(index, indexes)]
        for index in crossing[1:]:
            self._publish(index, roots)
            self._open_again(index)
        for index in publishing_order(self._indexes.values()):
            for identity in index.removals:
                index.builder.remove(identity)
            if index.has_changed:
                self._publish(index, roots)

    def close(self) -> None:
        """Close what is open. What is not published stays under `building/` for the next run."""
        with ExitStack() as opened:
            for index in self._indexes.values():
                opened.callback(index.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, document_type: str, recipe: Recipe | None) -> OpenIndex:
        """Open an index to add to it by `recipe`, or, with None, only to take documents out."""
        name, paths = self._open_index(document_type)
        going = {*self._making, *((record.root, record.path) for record in self._removed)}
        options = self._recipes.options(document_type) or IndexOptions()
        with ExitStack() as opened:
            served = paths.current_number() is not None
            base = opened.enter_context(Version.open(paths, name)) if served else None
            if recipe is not None and base is not None:
                refuse_stranding(base, recipe, going)
            builder = VersionBuilder(paths, name, base, _embedder_of(base, recipe), going, options=options)
            opened.pop_all()
        if builder.recovered and document_type not in self._indexes:
            self._emit(events.Recovered(str(name), builder.recovered))
        self._indexes[document_type] = index = OpenIndex(name, recipe, builder, base)
        return index

    def _open_again(self, index: OpenIndex) -> None:
        """Open an index that was published, to take out what is to leave it."""
        index.close()
        again = self._open(index.name.document_type, None)
        again.removals |= index.removals
        again.left |= index.left

    def _take_chunks(
        self, index: OpenIndex, document: Waiting, prepared: PreparedDocument, contexts: Sequence[Context]
    ) -> tuple[int, int]:
        """Give a document its chunks, and ask for the vectors that are not there. Returns how many are made and how many reused."""
        assert index.recipe is not None, "documents are added by a recipe"
        made = reused = 0
        own: set[bytes] = set()
        for n, (chunk, context) in enumerate(zip(prepared.chunks, contexts, strict=True)):
            place = place_of(n, chunk)
            key = bytes.fromhex(chunk.key)
            if key in own or index.builder.is_stored(key):
                document.chunks.append(Repeated(place, key))
                continue
            own.add(key)
            new = new_chunk(document.source, prepared, index.recipe, chunk, place, context=context)
            document.chunks.append(new)
            if context.elsewhere:
                document.lent.add(key)
            if key in index.claimed:
                continue
            if index.builder.has_vector(new.vector_key) or new.vector_key in index.wanted:
                reused += 1
            else:
                made += 1
                _want(index, new)
            index.claimed.add(key)
        return made, reused

    def _complete(self, index: OpenIndex) -> None:
        """Make the vectors that are waited for, and store the documents that waited."""
        while index.waiting:
            failed = self._make_vectors(index)
            waiting, index.waiting = index.waiting, []
            index.claimed.clear()
            for document in waiting:
                self._settle(index, document, failed)

    def _make_vectors(self, index: OpenIndex) -> dict[bytes, str]:
        """Make what is wanted, until time is up. Returns why some cannot be made, by vector key."""
        wanted = list(index.wanted.items())
        index.wanted.clear()
        failed: dict[bytes, str] = {}
        while wanted and not self._no_more_vectors(index):
            assert index.recipe is not None, "documents are added by a recipe"
            model = index.recipe.model
            while not self._vectors.is_its_turn(model):
                self._meanwhile(_TICK_S)
            size = self._vectors.batch(model)
            keys, texts = zip(*wanted[:size], strict=True)
            del wanted[:size]
            for made in self._vectors.make(model, texts):
                if made.positions:
                    index.builder.put_vectors([keys[i] for i in made.positions], made.vectors)
                failed |= {keys[i]: reason for i, reason in made.failed.items()}
                self._meanwhile(0.0)
        return failed

    def _no_more_vectors(self, index: OpenIndex) -> bool:
        """Whether time is up. What a language model costs is not thrown away: where one writes, whatever was read gets its vectors,
        with the contexts that there are by then.
        """
        return self._is_over() and (index.recipe is None or index.recipe.author is None)

    def _settle(self, index: OpenIndex, document: Waiting, failed: Mapping[bytes, str]) -> None:
        """Store a document that is whole. Else it fails, is left to the next run, or waits on for a chunk that did not come with
        another document.
        """
        missing = index.missing(document)
        if not missing:
            self._store(index, document)
        elif hopeless := next((chunk for chunk in missing if chunk.vector_key in failed), None):
            self._give_up(document.source, _not_embedded(hopeless, failed[hopeless.vector_key]))
        elif self._no_more_vectors(index):
            index.left.add(document.identity)
            self._emit(events.Left(*document.identity))
        else:
            for chunk in missing:
                _want(index, chunk)
            index.waiting.append(document)

    def _store(self, index: OpenIndex, document: Waiting) -> None:
        # A chunk whose other document failed becomes this one's own, and nobody was asked for its context.
        missing = document.record.contexts_missing + sum(not index.builder.is_stored(key) for key in document.lent)
        index.builder.add(document.record.model_copy(update={"contexts_missing": missing}), document.chunks)
        index.stored[document.identity] = document.record.key
        if previous := self._replaced.get(document.identity):
            self._removed.append(previous)
        self._emit(events.Stored(*document.identity, str(index.name), document.change))

    def _publish(self, index: OpenIndex, roots: Mapping[str, RootEntry]) -> None:
        self._emit(events.Publishing(str(index.name)))
        started = time.perf_counter()
        manifest = index.builder.publish(
            self._profile_of(index),
            roots,
            complete=not index.left,
            context=self._recipes.chosen_context(index.name.document_type),
            admit=partial(self._gate, index.name),
        )
        seconds = time.perf_counter() - started
        self._tell_missed(manifest)
        self._emit(events.Published(manifest.index, manifest.version, manifest.documents, manifest.chunks, seconds))

    def _tell_missed(self, manifest: Manifest) -> None:
        for kind in {entry.missed for entry in manifest.segments if entry.missed}:
            message = f"{manifest.index}: {kind} does not reach the recall wanted on some segments; these are searched exactly"
            self._emit(events.Notice(message))

    def _profile_of(self, index: OpenIndex) -> dict[str, Any]:
        """The profile that the manifest names: that of the documents that were added, else the one from before."""
        if index.recipe is not None:
            return index.recipe.profile.model_dump(mode="json")
        assert index.base is not None, "a document that is taken out is in a version"
        options = self._recipes.options(index.name.document_type)
        return index.base.manifest.recipe | ({"index": options.model_dump(mode="json")} if options else {})


def _want(index: OpenIndex, chunk: NewChunk) -> None:
    """Ask for a chunk's vector."""
    index.wanted[chunk.vector_key] = Text(chunk.indexed_text, chunk.record.path)


def _not_embedded(chunk: NewChunk, reason: str) -> EmbeddingFailedError:
    place = chunk.record.place
    page = f", on page {place.page}" if place.page else ""
    return EmbeddingFailedError(
        f"chunk {place.n}{page} cannot be embedded: {reason}",
        hint="take that passage out of the document, or report it",
    )


def _embedder_of(base: Version | None, recipe: Recipe | None) -> EmbedderEntry:
    if recipe is not None:
        return recipe.embedder
    assert base is not None, "a document that is taken out is in a version"
    return base.manifest.embedder
