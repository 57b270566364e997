"""A shelf: one index in a temporary home, with documents made of given texts and a random unit vector for each text."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ragfactory.profiles import Index
from ragfactory.store.durable import make_private_dirs, sha256_of
from ragfactory.store.layout import IndexName, IndexPaths
from ragfactory.store.lexical import LOCK_FILES
from ragfactory.store.publish import NewChunk, Repeated, VersionBuilder
from ragfactory.store.records import ChunkRecord, DocumentRecord, EmbedderEntry, Manifest, Place, RootEntry
from ragfactory.store.version import Version, read_manifest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ragfactory.store.documents import Identity
    from ragfactory.store.vectors import Matrix

NAME = IndexName("acme", "project_001", "jaarrekening")
ROOT = "/documents"
ROOTS = {ROOT: RootEntry(path=ROOT, whole=True, profile="auto")}
DIMENSION = 16
EMBEDDER = EmbedderEntry(name="random", fingerprint="ab" * 32, dimension=DIMENSION)
RECIPE = {"name": "test"}
OPTIONS = Index()

_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Shelf:
    """One index. A document is a path and its texts, one a chunk."""

    paths: IndexPaths
    name: IndexName = NAME

    @classmethod
    def at(cls, home: Path) -> Shelf:
        shelf = cls(IndexPaths.of(home / "indexes", NAME))
        make_private_dirs(shelf.paths.root)
        return shelf

    def open(self, number: int | None = None) -> Version:
        return Version.open(self.paths, self.name, number)

    @contextmanager
    def builder(
        self, replaced: Collection[str] = (), embedder: EmbedderEntry = EMBEDDER, options: Index = OPTIONS
    ) -> Iterator[VersionBuilder]:
        """A builder on the version that serves. What it did not publish stays under `building/`."""
        base = self.open() if self.paths.current_number() is not None else None
        identities = [identity(path) for path in replaced]
        builder = VersionBuilder(self.paths, self.name, base, embedder, identities, options=options)
        try:
            yield builder
        finally:
            builder.close()
            if base is not None:
                base.close()

    def publish(
        self,
        changes: Mapping[str, Sequence[str] | None],
        language: str | None = "nl",
        embedder: EmbedderEntry = EMBEDDER,
        options: Index = OPTIONS,
        recipe: dict[str, Any] = RECIPE,
    ) -> Manifest:
        """Publish a version in which the documents of `changes` have these texts; None takes one out."""
        with self.builder(changes, embedder, options) as builder:
            for path, texts in changes.items():
                if texts is None:
                    builder.remove(identity(path))
                else:
                    add(builder, path, texts, language)
            return builder.publish(recipe, ROOTS)

    def hashes(self, number: int) -> dict[str, str]:
        """SHA-256 of every file of a version, lock files apart: a reader may leave those."""
        root = self.paths.version(number)
        files = [path for path in root.rglob("*") if path.is_file() and path.name not in LOCK_FILES]
        return {path.relative_to(root).as_posix(): sha256_of(path) for path in files}


def add(builder: VersionBuilder, path: str, texts: Sequence[str], language: str | None = "nl", **fields: Any) -> int:
    """Add a document as a run does, its record with these `fields`, and return how many vectors had to be made."""
    chunks: list[NewChunk | Repeated] = []
    wanted = []
    for n, text in enumerate(texts):
        place = Place(n=n, start=100 * n, end=100 * n + len(text), page=n + 1)
        if builder.is_stored(chunk_key(text)):
            chunks.append(Repeated(place, chunk_key(text)))
            continue
        if not builder.has_vector(vector_key(text)):
            wanted.append(text)
        record = ChunkRecord(
            root=ROOT, path=path, place=place, text=text, context="", language=language, strategy="default"
        )
        chunks.append(NewChunk(record, text, chunk_key(text), vector_key(text)))
    if wanted:
        builder.put_vectors([vector_key(text) for text in wanted], np.stack([vector_of(t) for t in wanted]))
    builder.add(document_record(path, len(texts), language=language, **fields), chunks)
    return len(wanted)


def document_record(path: str, chunks: int, **fields: Any) -> DocumentRecord:
    plain = {"key": "0" * 64, "size": 10, "mtime_ns": 1, "recipe": "r", "format": "text"}
    kind = {"document_type": "jaarrekening", "type_confidence": 1.0}
    return DocumentRecord(root=ROOT, path=path, chunks=chunks, **plain, **kind, **fields)


def identity(path: str) -> Identity:
    return ROOT, path


def chunk_key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def vector_key(text: str) -> bytes:
    return hashlib.sha256(b"vector of " + text.encode()).digest()


def vector_of(text: str) -> Matrix:
    """The unit vector of a text, (16,) float32: random, but always the same."""
    seed = int.from_bytes(chunk_key(text)[:8], "big")
    vector = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return vector / np.linalg.norm(vector)


def texts_of(version: Version, path: str) -> list[str]:
    """The texts of a document in order, put together from its own rows and those it shares."""
    document = version.documents[identity(path)]
    found: dict[int, str] = {}
    for first, count in document.rows:
        for row_id in range(first, first + count):
            number, row = version.locate(row_id)
            chunk = version.segments[number].chunk(row)
            assert (chunk.root, chunk.path) == identity(path)
            found[chunk.place.n] = chunk.text
    for shared in document.shared:
        number, row = version.locate(shared.row)
        assert version.segments[number].live[row]
        found[shared.place.n] = version.segments[number].chunk(row).text
    assert len(found) == document.chunks
    return [found[n] for n in sorted(found)]


def contents(version: Version) -> dict[str, list[str]]:
    """What a version holds: the texts of every document."""
    return {path: texts_of(version, path) for _, path in version.documents}


def live_rows(version: Version) -> list[tuple[int, int]]:
    """(segment, row) of every row that counts."""
    return [(n, int(row)) for n, segment in version.segments.items() for row in np.flatnonzero(segment.live)]


def nearest(version: Version, text: str) -> str:
    """The text of the live row whose vector is nearest to the vector of `text`, over all segments."""
    best = []
    for number, segment in version.segments.items():
        scores, rows = segment.vectors.search(vector_of(text), 1, segment.live)
        best += [(score, number, row) for score, row in zip(scores.tolist(), rows.tolist(), strict=True)]
    _, number, row = max(best)
    return version.segments[number].chunk(row).text


def found_by_words(version: Version, query: str, k: int = 10) -> list[str]:
    """The texts that full text finds."""
    hits = version.lexical.search(query, k, list(version.manifest.languages))
    return [version.segments[number].chunk(row).text for number, row in (version.locate(hit.row) for hit in hits)]


def forget_postings(directory: Path) -> None:
    """Make of a version what a build that knew of no postings would have written."""
    manifest = read_manifest(directory)
    files = {name: entry for name, entry in manifest.files.items() if not name.startswith("postings-")}
    for name in manifest.files.keys() - files.keys():
        (directory / name).unlink()
    (directory / "manifest.json").write_bytes(manifest.model_copy(update={"files": files}).to_json())


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A temporary folder for tests that publish a hundred versions: in memory where it can be, since syncs cost most."""
    with TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf.at(tmp_path)
