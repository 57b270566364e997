"""Building the next version beside the one that serves, and publishing it in one step.

The order is what keeps the promises of the store: everything is written and forced to disk under `building/`, then the folder gets
its number by one rename, then CURRENT is replaced. Killed anywhere, CURRENT names a complete version.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

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
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ragfactory.store.layout import IndexName, IndexPaths
    from ragfactory.store.records import EmbedderEntry
    from ragfactory.store.vectors import Codes
    from ragfactory.store.version import Identity, Version

    Mask: TypeAlias = npt.NDArray[np.bool_]

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
        if self._staging.exists():
            shutil.rmtree(self._staging)
        make_private_dirs(self._staging)
        self._log = VectorLog(paths.building / f"vectors-{embedder.fingerprint[:16]}.log", embedder.dimension)
        self.recovered = self._log.recovered
        usable = base is not None and base.manifest.embedder.fingerprint == embedder.fingerprint
        self._segments = base.segments if base is not None and usable else {}
        self._documents = dict(base.documents) if base is not None and usable else {}
        self._sealed: list[SegmentWriter] = []
        kept = self._owned_rows(document for identity, document in self._documents.items() if identity not in replaced)
        self._stored = KeyTable([(number, s.chunk_keys, kept[number]) for number, s in self._segments.items()])
        self._vectors = KeyTable(
            [(number, s.vector_keys, np.ones(len(s), dtype=np.bool_)) for number, s in self._segments.items()]
        )
        self._claimed: dict[bytes, tuple[int, int] | None] = {}
        self._next_segment = max(self._segments, default=0) + 1
        self._writer: SegmentWriter | None = None
        self._lexical = self._open_lexical()

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

    def remove(self, identity: Identity) -> bool:
        """Take a document out. False when it is not there. A row of it that another document holds goes on counting."""
        return self._documents.pop(identity, None) is not None

    @property
    def documents(self) -> Collection[DocumentRecord]:
        """The documents that the next version will hold."""
        return self._documents.values()

    def publish(self, recipe: dict[str, Any]) -> Manifest:
        """Write the version, make it the one that serves, and return its manifest."""
        if self._writer is not None:
            self._seal(self._writer)
        segments = self._finish_segments()
        self._lexical.commit()
        self._write_documents()
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
            chunks=sum(entry.rows - entry.deleted for entry in segments),
            places=sum(document.chunks for document in self._documents.values()),
            languages=self._count_languages(),
            segments=segments,
            files=self._describe_files(),
        )
        (self._staging / MANIFEST).write_bytes(manifest.to_json())
        self._make_durable()
        self._staging.rename(self._paths.version(number))
        sync_dir(self._paths.root)
        replace_file(self._paths.current, f"{number:06d}\n".encode())
        self.close()
        shutil.rmtree(
            self._paths.building, ignore_errors=True
        )  # the version serves; what is left is removed by the next run
        return manifest

    def close(self) -> None:
        """Close open files. The vectors stay under `building/` for the next run."""
        if self._writer is not None:
            self._writer.close()
        self._lexical.close()
        self._log.close()

    def _owned_rows(self, documents: Iterable[DocumentRecord]) -> dict[int, Mask]:
        """The rows that were stored for one of `documents`, as a mask for every segment."""
        sizes = {number: len(segment) for number, segment in self._segments.items()}
        sizes |= {writer.number: writer.rows for writer in self._sealed}
        masks = {number: np.zeros(size, dtype=np.bool_) for number, size in sizes.items()}
        for document in documents:
            for segment, first, count in document.rows:
                masks[segment][first : first + count] = True
        return masks

    def _live_rows(self) -> dict[int, Mask]:
        """The rows that some document holds, as a mask for every segment."""
        masks = self._owned_rows(self._documents.values())
        for document in self._documents.values():
            for shared in document.shared:
                masks[shared.segment][shared.row] = True
        return masks

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

    def _finish_segments(self) -> tuple[SegmentEntry, ...]:
        """Take over the base's segments that still have a live row, and settle for all which rows no longer count."""
        entries = []
        for number, live in self._live_rows().items():
            base = self._segments.get(number)
            before = base.live if base is not None else np.ones_like(live)
            for row in np.flatnonzero(before & ~live):
                self._lexical.delete(number, int(row))
            if base is not None:
                if not live.any():
                    continue
                self._link(chunks_name(number), rows_name(number), vectors_name(number))
            deleted = np.flatnonzero(~live).astype("<u4")
            if len(deleted) and base is not None and np.array_equal(live, before):
                self._link(deleted_name(number))
            elif len(deleted):
                np.save(self._staging / deleted_name(number), deleted, allow_pickle=False)
            entries.append(SegmentEntry(number=number, rows=len(live), deleted=len(deleted)))
        return tuple(entries)

    def _link(self, *names: str) -> None:
        assert self._base is not None, "what is taken over is in the base"
        for name in names:
            link_or_copy(self._base.directory / name, self._staging / name)

    def _open_lexical(self) -> LexicalWriter:
        directory = self._staging / LEXICAL
        directory.mkdir(mode=0o700)
        if self._base is not None and self._segments:
            for file in (self._base.directory / LEXICAL).iterdir():
                if file.name not in LOCK_FILES:
                    self._link(f"{LEXICAL}/{file.name}")
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
