"""Building the next version beside the one that serves, and publishing it in one step.

The order is what keeps the promises of the store: everything is written and forced to disk under `building/`, then the folder gets
its number by one rename, then CURRENT is replaced. Killed anywhere, CURRENT names a complete version.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ragfactory import __version__
from ragfactory.store.documents import documents_name, identities, plan_documents, write_documents
from ragfactory.store.durable import replace_file, sync_dir
from ragfactory.store.keytable import KeyTable
from ragfactory.store.kinds import accelerate, main_kind, overall_recall
from ragfactory.store.layout import LEXICAL, MANIFEST
from ragfactory.store.lexical import LexicalWriter
from ragfactory.store.merging import BackgroundMerge
from ragfactory.store.postings import Postings, postings_name
from ragfactory.store.records import ChunkRecord, DocumentRecord, Manifest, Place, SegmentEntry, SharedRow
from ragfactory.store.segment import chunks_name, deleted_name, find_row, rows_name, vectors_name
from ragfactory.store.segment_writer import SegmentWriter
from ragfactory.store.staging import Staging
from ragfactory.store.vectorlog import VectorLog
from ragfactory.store.vectors import Codec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ragfactory.profiles import Index as IndexOptions
    from ragfactory.store.documents import Identity
    from ragfactory.store.layout import IndexName, IndexPaths
    from ragfactory.store.records import EmbedderEntry, RootEntry
    from ragfactory.store.segment import Ids
    from ragfactory.store.vectors import Codes, Matrix, Precision
    from ragfactory.store.version import Version

    Mask: TypeAlias = npt.NDArray[np.bool_]
    Admit: TypeAlias = Callable[[Path, Manifest], None]  # a version's folder and manifest

SEGMENT_BYTES = 256 * 2**20  # of codes: what sealing a segment holds in memory
STEP = "ragfactory.publish"  # the audit event (sys.audit) before each step of publishing, with the step's name


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk of a document that is being added: its record, the text to index, the keys (SHA-256) of the chunk and its vector."""

    record: ChunkRecord
    indexed_text: str
    chunk_key: bytes
    vector_key: bytes


@dataclass(frozen=True, slots=True)
class Repeated:
    """A chunk whose text is already stored, or comes earlier in its document: only its place is new."""

    place: Place
    chunk_key: bytes


class VersionBuilder:
    """Collects the changes to an index and publishes them as its next version. Its user holds the index's lock."""

    def __init__(
        self,
        paths: IndexPaths,
        name: IndexName,
        previous: Version | None,
        embedder: EmbedderEntry,
        replaced: Collection[Identity],
        *,
        options: IndexOptions,
    ) -> None:
        """Start from `previous`. Documents in `replaced` are about to be made anew, so nothing new leans on their rows.

        `options` say how vectors are searched. Segments that are due to be merged are merged while documents are added.
        """
        self._paths = paths
        self._name = name
        self._previous = previous.manifest if previous else None
        self._embedder = embedder
        self._options = options
        self._codec = Codec(embedder.dimension, "float32" if options.kind == "flat" else "bf16")
        # Vectors of another model mean nothing here: then the version is built from nothing.
        base = previous if previous and previous.manifest.embedder.fingerprint == embedder.fingerprint else None
        self._base = base
        self._segments = base.segments if base else {}
        self._documents = dict(base.documents) if base else {}
        self._changed: set[Identity] = set()
        self._next_row = base.manifest.next_row if base else 0
        self._staging = Staging(paths, base)
        log = f"vectors-{embedder.fingerprint[:16]}-{self._codec.precision}.log"
        kept = self._held_ids(document for identity, document in self._documents.items() if identity not in replaced)
        self._stored = KeyTable((s.ids, s.chunk_keys, kept[s.ids]) for s in self._segments.values())
        self._vectors = KeyTable((s.ids, s.vector_keys, np.ones(len(s), np.bool_)) for s in self._segments.values())
        self._added: dict[bytes, int] = {}
        self._sealed: list[SegmentWriter] = []
        self._writer: SegmentWriter | None = None
        merged = max(self._segments, default=0) + 1
        with ExitStack() as opened:
            self._log = opened.enter_context(VectorLog(paths.building / log, self._codec.size))
            self._lexical = opened.enter_context(closing(LexicalWriter(self._staging.directory / LEXICAL)))
            self._merge = BackgroundMerge(self._segments, self._staging.directory, merged, self._codec)
            opened.callback(self._merge.stop)
            self._opened = opened.pop_all()
        self.recovered = self._log.recovered
        self._next_segment = merged + 1 if self._merge.sources else merged

    def is_stored(self, chunk_key: bytes) -> bool:
        """Whether the chunk is stored already, by this run or before it."""
        return self._row_of(chunk_key) is not None

    def has_vector(self, vector_key: bytes) -> bool:
        """Whether the vector of that key was made before, by an earlier version or by an unfinished run."""
        return vector_key in self._log or self._vectors.find(vector_key) is not None

    def put_vectors(self, keys: Sequence[bytes], vectors: Matrix) -> None:
        """Keep new vectors, (n, d) float32, so that not even a killed run makes them twice."""
        self._log.append(keys, self._codec.encode(vectors))

    def add(self, document: DocumentRecord, chunks: Sequence[NewChunk | Repeated]) -> None:
        """Add a document, or put it in the place of its predecessor. Every vector it needs was put before.

        Of a new chunk that is stored by now, only the place is kept.
        """
        first = self._next_row
        shared = []
        for chunk in chunks:
            row = self._row_of(chunk.chunk_key)
            if row is not None:
                place = chunk.place if isinstance(chunk, Repeated) else chunk.record.place
                shared.append(SharedRow(row=row, place=place))
                continue
            assert isinstance(chunk, NewChunk), "a repeated chunk comes after the one it repeats"
            self._added[chunk.chunk_key] = self._append(chunk)
        count = self._next_row - first
        identity = document.root, document.path
        self._documents[identity] = document.model_copy(
            update={"rows": ((first, count),) if count else (), "shared": tuple(shared)}
        )
        self._changed.add(identity)

    def remove(self, identity: Identity) -> None:
        """Take a document out, if it is there. A row of it that another document holds goes on counting."""
        if self._documents.pop(identity, None) is not None:
            self._changed.add(identity)

    def refresh(self, identity: Identity, mtime_ns: int) -> None:
        """Note the time of a file whose bytes are as they were, so that they need not be read again."""
        if document := self._documents.get(identity):
            self._documents[identity] = document.model_copy(update={"mtime_ns": mtime_ns})
            self._changed.add(identity)

    @property
    def documents(self) -> Collection[DocumentRecord]:
        """The documents that the next version will hold."""
        return self._documents.values()

    def publish(
        self,
        recipe: dict[str, Any],
        roots: Mapping[str, RootEntry],
        *,
        complete: bool = True,
        context: str | None = None,
        admit: Admit = lambda _directory, _manifest: None,
    ) -> Manifest:
        """Write the version, make it the one that serves, and return its manifest.

        `roots` say how the folders are taken in that documents come from. A run that is not `complete` leaves its vectors to the
        next. `admit` looks at the version when it is complete and does not serve yet; when it raises, the one before goes on
        serving, and the new one and the vectors made for it stay.
        """
        sys.audit(STEP, "seal")
        self._seal()
        sys.audit(STEP, "segments")
        segments = self._finish_segments()
        sys.audit(STEP, "lexical")
        self._lexical.commit()
        sys.audit(STEP, "documents")
        document_lines = self._write_documents()
        sys.audit(STEP, "manifest")
        number = max([*self._paths.version_numbers(), 0]) + 1
        manifest = self._manifest(number, recipe, roots, segments, document_lines)
        manifest = manifest.model_copy(update={"context": context})
        (self._staging.directory / MANIFEST).write_bytes(manifest.to_json())
        sys.audit(STEP, "durable")
        self._staging.make_durable()
        sys.audit(STEP, "rename")
        self._staging.directory.rename(self._paths.version(number))
        sync_dir(self._paths.root)
        admit(self._paths.version(number), manifest)
        sys.audit(STEP, "current")
        replace_file(self._paths.current, f"{number:06d}\n".encode())
        sys.audit(STEP, "clean")
        self.close()
        if complete:  # the version serves; what cannot be removed now is removed by the next run
            shutil.rmtree(self._paths.building, ignore_errors=True)
        return manifest

    def close(self) -> None:
        """Close open files. The vectors stay under `building/` for the next run."""
        with self._opened:  # what is open is closed, also when the disk refuses to close one of them
            if self._writer is not None:
                self._writer.close()

    def _held_ids(self, documents: Iterable[DocumentRecord]) -> Mask:
        """Which rows, by id, were stored for one of `documents`."""
        held = np.zeros(self._next_row, dtype=np.bool_)
        for document in documents:
            for first, count in document.rows:
                held[first : first + count] = True
        return held

    def _live_ids(self) -> Mask:
        """Which rows, by id, some document holds."""
        live = self._held_ids(self._documents.values())
        for document in self._documents.values():
            for shared in document.shared:
                live[shared.row] = True
        return live

    def _row_of(self, chunk_key: bytes) -> int | None:
        row = self._added.get(chunk_key)
        return self._stored.find(chunk_key) if row is None else row

    def _append(self, chunk: NewChunk) -> int:
        if self._writer is not None and len(self._writer) >= SEGMENT_BYTES // self._codec.size:
            self._seal()
        if self._writer is None:
            self._writer = SegmentWriter(self._staging.directory, self._next_segment, self._codec)
            self._next_segment += 1
        row = self._next_row
        self._next_row += 1
        self._writer.append(row, chunk.record, chunk.chunk_key, chunk.vector_key)
        self._lexical.add(row, chunk.indexed_text, chunk.record.language, about=PurePath(chunk.record.path).name)
        return row

    def _seal(self) -> None:
        if self._writer is not None:
            self._writer.seal(self._codes)
            self._sealed.append(self._writer)
            self._writer = None

    def _codes(self, vector_key: bytes) -> Codes:
        if vector_key in self._log:
            return self._log.get(vector_key)
        row_id = self._vectors.find(vector_key)
        assert row_id is not None, "every vector was put or found before its document was added"
        number, row = find_row(self._segments, row_id)
        vectors = self._segments[number].vectors
        codes: Codes = self._codec.convert(vectors.gather(np.array([row])), vectors.codec)[0]
        return codes

    def _finish_segments(self) -> tuple[SegmentEntry, ...]:
        """Take over the base's segments that still have a live row, and settle for all which rows no longer count."""
        live = self._live_ids()
        precision = self._codec.precision
        entries = []
        for number, segment in self._segments.items():
            counts = live[segment.ids]
            self._unindex(segment.ids[segment.live & ~counts])
            if number in self._merge.sources or not counts.any():
                continue
            self._staging.link(chunks_name(number), rows_name(number), vectors_name(number))
            same = np.array_equal(counts, segment.live)
            entries.append(self._settle(number, counts, segment.entry.precision, linked=same))
        if (ids := self._merge.result()) is not None:
            entries.append(self._settle(self._merge.number, live[ids], precision))
        for writer in self._sealed:
            self._unindex(writer.ids[~live[writer.ids]])
            entries.append(self._settle(writer.number, live[writer.ids], precision))
        previous = self._base.manifest if self._base else None
        return accelerate(entries, self._staging, self._options, self._embedder.dimension, previous)

    def _unindex(self, ids: Ids) -> None:
        for row_id in ids.tolist():
            self._lexical.delete(row_id)

    def _settle(self, number: int, counts: Mask, precision: Precision, *, linked: bool = False) -> SegmentEntry:
        deleted = np.flatnonzero(~counts).astype("<u4")
        if len(deleted) and linked:
            self._staging.link(deleted_name(number))
        elif len(deleted):
            np.save(self._staging.directory / deleted_name(number), deleted, allow_pickle=False)
        return SegmentEntry(number=number, rows=len(counts), deleted=len(deleted), precision=precision)

    def _write_documents(self) -> tuple[int, ...]:
        lines = self._base.manifest.document_lines if self._base else ()
        kept = plan_documents(lines, len(self._changed), len(self._documents))
        self._staging.link(*(documents_name(number) for number in range(1, kept + 1)))
        postings = self._keep_postings(kept)
        if kept == len(lines) and not self._changed:
            return lines
        spoken_of = set(self._changed) if kept else set(self._documents)
        for number in range(kept + 1, len(lines) + 1) if kept else ():
            assert self._base is not None, "there are files to join"
            spoken_of |= identities(self._base.directory / documents_name(number))
        path = self._staging.directory / documents_name(kept + 1)
        count = write_documents(path, spoken_of, self._documents)
        with path.open("rb") as file:
            (self._staging.directory / postings_name(kept + 1)).write_bytes(Postings.of(file, postings).data)
        return (*lines[:kept], count)

    def _keep_postings(self, count: int) -> list[Postings]:
        """Take over the postings of the first files of documents; those that an older build left out are written now."""
        if self._base is None:
            return []
        documents = self._base.documents
        for number, table in enumerate(documents.postings[:count], 1):
            if documents.is_stored(number):
                self._staging.link(postings_name(number))
            else:
                (self._staging.directory / postings_name(number)).write_bytes(table.data)
        return documents.postings[:count]

    def _manifest(
        self,
        number: int,
        recipe: dict[str, Any],
        roots: Mapping[str, RootEntry],
        segments: tuple[SegmentEntry, ...],
        document_lines: tuple[int, ...],
    ) -> Manifest:
        documents = self._documents.values()
        return Manifest(
            index=str(self._name),
            version=number,
            parent=self._previous.version if self._previous else None,
            created=datetime.now(UTC).isoformat(timespec="milliseconds"),
            tool_version=__version__,
            embedder=self._embedder,
            recipe=recipe,
            roots=self._roots(roots),
            vector_index=main_kind(segments),
            recall_at_10=overall_recall(segments),
            next_row=self._next_row,
            documents=len(documents),
            document_lines=document_lines,
            chunks=sum(entry.rows - entry.deleted for entry in segments),
            places=sum(document.chunks for document in documents),
            languages=dict(sorted(Counter(d.language for d in documents if d.language).items())),
            segments=segments,
            files=self._staging.describe_files(),
        )

    def _roots(self, followed: Mapping[str, RootEntry]) -> tuple[RootEntry, ...]:
        """The folders of the documents: as they are followed, or as the version before has them."""
        known = {entry.path: entry for entry in self._previous.roots} if self._previous else {}
        known |= followed
        return tuple(known[path] for path in sorted({document.root for document in self._documents.values()}))
