"""The lines and tables of a version: a record per source, a record per chunk, and the manifest over all."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

FORMAT = "ragfactory-index/2"

Metadata = dict[str, str | int | float | bool | list[str] | list[int]]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_line(self) -> bytes:
        """The record as one line of JSON, newline included."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_APPEND_NEWLINE)


class Place(_Record):
    """Where in a document a chunk stands. `n` counts the document's chunks from 0."""

    n: int
    start: int
    end: int
    page: int | None = None
    page_end: int | None = None
    headings: tuple[str, ...] = ()


class SharedRow(_Record):
    """A chunk of a document that is stored in another document's row (by its id), since its text is the same."""

    row: int
    place: Place


class DocumentRecord(_Record):
    """A line of `documents-NNNN.jsonl`: one source, what was made of it, and the rows that hold its chunks.

    `root` is the folder that was ingested, `path` the source's path below it (also its `doc_id`). `rows` lists (first row id,
    number of rows). `recipe` is the digest of everything but the bytes that decides what comes out. `contexts_missing` counts the
    chunks that a language model is still to write a context for. `metadata` is what the document says of itself, such as its years.
    """

    root: str
    path: str
    key: str
    size: int
    mtime_ns: int
    recipe: str
    forced: bool = False
    document_type: str
    type_confidence: float
    format: str
    language: str | None = None
    title: str | None = None
    pages: int | None = None
    chunks: int
    contexts_missing: int = 0
    metadata: Metadata = {}
    rows: tuple[tuple[int, int], ...] = ()
    shared: tuple[SharedRow, ...] = ()


class Tombstone(_Record):
    """A line of `documents-NNNN.jsonl` that takes out a document of an earlier file."""

    root: str
    path: str
    removed: Literal[True] = True


class ChunkRecord(_Record):
    """A line of `chunks-NNNN.jsonl`: the chunk as it is searched and shown. Line i belongs to vector i of the segment."""

    root: str
    path: str
    place: Place
    text: str
    context: str
    context_enriched: bool = False
    language: str | None = None
    strategy: str


class FileEntry(_Record):
    """What the manifest says of one file."""

    bytes: int
    sha256: str


class FastEntry(_Record):
    """The approximate index of a segment: how it was built, how it is searched, and the recall@10 that was measured against
    exact search with `queries` vectors of the segment.
    """

    kind: Literal["ivf", "hnsw", "rabitq"]
    build: dict[str, int]
    search: dict[str, int]
    recall: float
    queries: int


class SegmentEntry(_Record):
    """What the manifest says of one segment. `missed` is the approximate kind that did not reach the recall wanted."""

    number: int
    rows: int
    deleted: int
    precision: Literal["bf16", "float32"] = "bf16"
    fast: FastEntry | None = None
    missed: Literal["ivf", "hnsw", "rabitq"] | None = None


class RootEntry(_Record):
    """A folder that documents of the index come from: taken in whole or file by file, and the profile that was asked for."""

    path: str
    whole: bool
    profile: str


class EmbedderEntry(_Record):
    """The embedder that made the vectors of an index; search uses the same one."""

    name: str
    fingerprint: str
    dimension: int


class Manifest(_Record):
    """`manifest.json`: what a version consists of. Paths in `files` are relative to the version's folder."""

    format: str = FORMAT
    index: str
    version: int
    parent: int | None
    created: str
    tool_version: str
    embedder: EmbedderEntry
    recipe: dict[str, Any] = Field(description="the profile that the documents were made with")
    context: str | None = Field(
        default=None, description="the context writer that was asked for in place of the profile's"
    )
    roots: tuple[RootEntry, ...]
    vector_index: str = Field(description="the kind of most rows: exact, flat, ivf, hnsw or rabitq")
    recall_at_10: float = Field(
        description="measured against exact search, over all segments by their rows; 1 when exact"
    )
    next_row: int = Field(description="the id that the next row gets")
    documents: int
    document_lines: tuple[int, ...] = Field(description="lines in each file of documents")
    chunks: int
    places: int = Field(description="chunks counted once for every place they stand in")
    languages: dict[str, int]
    segments: tuple[SegmentEntry, ...]
    files: dict[str, FileEntry]

    def to_json(self) -> bytes:
        """The manifest as indented JSON, with the `digest` of all else in it."""
        content = self.model_dump(mode="json")
        content["digest"] = digest_of(content)
        return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def digest_of(content: dict[str, Any]) -> str:
    """SHA-256 (hex) of a manifest's content, its `digest` left out."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
