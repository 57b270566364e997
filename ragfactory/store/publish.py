"""Building the next version beside the one that serves, and publishing it in one step.

The order is what keeps the promises of the store: everything is written and forced to disk under `building/`, then the folder gets
its number by one rename, then CURRENT is replaced. Killed anywhere, CURRENT names a complete version.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from ragfactory import __version__
from ragfactory.store.durable import link_or_copy, make_private_dirs, replace_file, sha256_of, sync_dir, sync_file
from ragfactory.store.lexical import LOCK_FILES, LexicalWriter
from ragfactory.store.records import (
    ChunkRecord,
    DocumentRecord,
    FileEntry,
    Manifest,
    Place,
    SegmentEntry,
    SharedRow,
)
from ragfactory.store.segment import KeyTable, SegmentWriter, chunks_name, deleted_name, rows_name, vectors_name
from ragfactory.store.vectorlog import VectorLog
from ragfactory.store.vectors import BYTES_PER_COMPONENT
from ragfactory.store.version import DOCUMENTS, LEXICAL, MANIFEST

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from ragfactory.store.layout import IndexName, IndexPaths
    from ragfactory.store.records import EmbedderEntry
    from ragfactory.store.vectors import Codes
    from ragfactory.store.version import Identity, Version

SEGMENT_BYTES = 256 * 2**20  # of codes: what sealing a segment holds in memory


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk of a document that is being added: its record, the text to index, the keys (SHA-256) of the chunk and its vector."""

    record: ChunkRecord
    indexed_text: str
    chunk_key: bytes
    vector_key: bytes


@dataclass(frozen=True, slots=True)
class Repeated:
    """A chunk whose text is already stored, or comes earlier in this run: only its place is new."""

    place: Place
    chunk_key: bytes


class VersionBuilder:
    """Collects the changes to an index and publishes them as its next version. Its user holds the index's lock."""

    def __init__(
        self,
        paths: IndexPaths,
        name: IndexName,
        base: Version | None,
        embedder: EmbedderEntry,
        replaced: Collection[Identity],
    ) -> None:
        """Start from `base`. Documents in `replaced` are about to be made anew, so nothing new leans on their rows."""
        self._paths = paths
        self._name = name
        self._base = base
        self._embedder = embedder
        self._staging = paths.building / "version"
        shutil.rmtree(self._staging, ignore_errors=True)
        make_private_dirs(self._staging)
        self._log = VectorLog(paths.building / f"vectors-{embedder.fingerprint[:16]}.log", embedder.dimension)
        self.recovered = self._log.recovered
        usable = base is not None and base.manifest.embedder.fingerprint == embedder.fingerprint
        self._segments = base.segments if base is not None and usable else {}
        self._documents = dict(base.documents) if base is not None and usable else {}
        self._dead = {number: ~segment.live for number, segment in self._segments.items()}
        self._stored = KeyTable(
            [
                (number, segment.chunk_keys, mask)
                for (number, segment), mask in zip(self._segments.items(), self._kept(replaced), strict=True)
            ]
        )
        self._vectors = KeyTable(
            [(number, s.vector_keys, np.ones(len(s), dtype=np.bool_)) for number, s in self._segments.items()]
        )
        self._claimed: dict[bytes, tuple[int, int] | None] = {}
        self._next_segment = max(self._segments, default=0) + 1
        self._writer: SegmentWriter | None = None
        self._sealed: list[SegmentWriter] = []
        self._lexical = self._open_lexical()
        self._changed = not usable

    def is_stored(self, chunk_key: bytes) -> bool:
        """Whether the chunk is stored already or was claimed earlier in this run; if not, it is claimed by this call."""
        if chunk_key in self._claimed or self._stored.find(chunk_key) is not None:
            return True
        self._claimed[chunk_key] = None
        return False

    def has_vector(self, vector_key: bytes) -> bool:
        """Whether the vector of that key was made before, by an earlier version or by an unfinished run."""
        return vector_key in self._log or self._vectors.find(vector_key) is not None

    def put_vectors(self, keys: Sequence[bytes], codes: Codes) -> None:
        """Keep new vectors, as (n, 2 d) codes, so that not even a killed run makes them twice."""
        self._log.append(keys, codes)

    def add(self, document: DocumentRecord, chunks: Sequence[NewChunk | Repeated]) -> None:
        """Add a document, or put it in the place of its predecessor. Every vector it needs was put before."""
        rows: list[list[int]] = []
        shared = []
        for chunk in chunks:
            if isinstance(chunk, Repeated):
                segment, row = self._claimed.get(chunk.chunk_key) or self._stored.find(chunk.chunk_key) or (0, 0)
                assert segment, "a repeated chunk comes after the one it repeats"
                shared.append(SharedRow(segment=segment, row=row, place=chunk.place))
                continue
            segment, row = self._append(chunk)
            self._claimed[chunk.chunk_key] = (segment, row)
            if rows and rows[-1][0] == segment:
                rows[-1][2] += 1
            else:
                rows.append([segment, row, 1])
        self.remove((document.root, document.path))
        placed = document.model_copy(
            update={"rows": tuple((s, first, n) for s, first, n in rows), "shared": tuple(shared)}
        )
        self._documents[document.root, document.path] = placed
        self._changed = True

    def remove(self, identity: Identity) -> bool:
        """Take a document out. False when it is not there."""
        document = self._documents.pop(identity, None)
        if document is None:
            return False
        for segment, first, count in document.rows:
            self._dead[segment][first : first + count] = True
            for row in range(first, first + count):
                self._lexical.delete(segment, row)
        self._changed = True
        return True

    @property
    def changed(self) -> bool:
        """Whether there is anything to publish."""
        return self._changed

    @property
    def documents(self) -> Collection[DocumentRecord]:
        """The documents that the next version will hold."""
        return self._documents.values()

    def publish(self, recipe: dict[str, Any]) -> Manifest:
        """Write the version, make it the one that serves, and return its manifest."""
        if self._writer is not None:
            self._seal(self._writer)
        kept = self._link_segments()
        self._lexical.commit()
        self._write_documents()
        fresh = [SegmentEntry(number=w.number, rows=w.rows, deleted=0) for w in self._sealed]
        number = max([*self._paths.version_numbers(), 0]) + 1
        manifest = Manifest(
            index=str(self._name),
            version=number,
            parent=self._base.manifest.version if self._base else None,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            tool_version=__version__,
            embedder=self._embedder,
            recipe=recipe,
            documents=len(self._documents),
            chunks=sum(entry.rows - entry.deleted for entry in (*kept, *fresh)),
            places=sum(document.chunks for document in self._documents.values()),
            languages=self._count_languages(),
            segments=(*kept, *fresh),
            files=self._describe_files(),
        )
        (self._staging / MANIFEST).write_bytes(manifest.to_json())
        self._make_durable()
        self._staging.rename(self._paths.version(number))
        sync_dir(self._paths.root)
        replace_file(self._paths.current, f"{number:06d}\n".encode())
        self.close()
        shutil.rmtree(self._paths.building)
        return manifest

    def discard(self) -> None:
        """Leave the index as it is and remove what this run wrote."""
        self.close()
        shutil.rmtree(self._paths.building, ignore_errors=True)

    def close(self) -> None:
        """Close open files. The vectors stay under `building/` for the next run."""
        if self._writer is not None:
            self._writer.close()
        self._log.close()

    def _kept(self, replaced: Collection[Identity]) -> Iterator[np.ndarray[Any, np.dtype[np.bool_]]]:
        masks = {number: segment.live.copy() for number, segment in self._segments.items()}
        for identity in replaced:
            if (document := self._documents.get(identity)) is not None:
                for segment, first, count in document.rows:
                    masks[segment][first : first + count] = False
        yield from masks.values()

    def _append(self, chunk: NewChunk) -> tuple[int, int]:
        limit = SEGMENT_BYTES // (self._embedder.dimension * BYTES_PER_COMPONENT)
        if self._writer is not None and self._writer.rows >= limit:
            self._seal(self._writer)
        if self._writer is None:
            self._writer = SegmentWriter(self._staging, self._next_segment)
            self._next_segment += 1
        row = self._writer.append(chunk.record, chunk.chunk_key, chunk.vector_key)
        self._lexical.add(self._writer.number, row, chunk.indexed_text, chunk.record.language)
        return self._writer.number, row

    def _seal(self, writer: SegmentWriter) -> None:
        writer.seal(self._embedder.dimension, self._codes)
        self._sealed.append(writer)
        self._writer = None

    def _codes(self, vector_key: bytes) -> Codes:
        if vector_key in self._log:
            return self._log.get(vector_key)
        place = self._vectors.find(vector_key)
        assert place is not None, "every vector was put or found before its document was added"
        segment, row = place
        codes: Codes = self._segments[segment].vectors.codes(row, 1)[0]
        return codes

    def _link_segments(self) -> list[SegmentEntry]:
        """Take over the segments that still have a live row, with what is deleted in them by now."""
        kept = []
        for number, segment in self._segments.items():
            dead = self._dead[number]
            if dead.all():
                continue
            source = self._base.directory if self._base else self._staging
            for name in (chunks_name(number), rows_name(number), vectors_name(number)):
                link_or_copy(source / name, self._staging / name)
            if dead.any():
                name = deleted_name(number)
                if np.array_equal(dead, ~segment.live):
                    link_or_copy(source / name, self._staging / name)
                else:
                    np.save(self._staging / name, np.flatnonzero(dead).astype("<u4"), allow_pickle=False)
            kept.append(SegmentEntry(number=number, rows=len(segment), deleted=int(dead.sum())))
        return kept

    def _open_lexical(self) -> LexicalWriter:
        directory = self._staging / LEXICAL
        directory.mkdir(mode=0o700)
        if self._base is not None and self._segments:
            for file in (self._base.directory / LEXICAL).iterdir():
                if file.name not in LOCK_FILES:
                    link_or_copy(file, directory / file.name)
        return LexicalWriter(directory)

    def _count_languages(self) -> dict[str, int]:
        return dict(
            sorted(Counter(document.language for document in self._documents.values() if document.language).items())
        )

    def _write_documents(self) -> None:
        with (self._staging / DOCUMENTS).open("wb") as file:
            for _, document in sorted(self._documents.items()):
                file.write(document.to_line())

    def _describe_files(self) -> dict[str, FileEntry]:
        """Size and hash of every staged file; a file linked from the base is the one that was hashed then."""
        known = self._base.manifest.files if self._base else {}
        files = {}
        for path in _files(self._staging):
            name = path.relative_to(self._staging).as_posix()
            entry = known.get(name)
            if entry is None or not self._is_linked(path, name):
                entry = FileEntry(bytes=path.stat().st_size, sha256=sha256_of(path))
            files[name] = entry
        return dict(sorted(files.items()))

    def _is_linked(self, path: Path, name: str) -> bool:
        source = self._base.directory / name if self._base else None
        return source is not None and source.exists() and source.samefile(path)

    def _make_durable(self) -> None:
        for path in _files(self._staging):
            if not self._is_linked(path, path.relative_to(self._staging).as_posix()):
                sync_file(path)
        sync_dir(self._staging / LEXICAL)
        sync_dir(self._staging)


def _files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]
