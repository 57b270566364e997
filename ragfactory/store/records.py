"""The lines and tables of a version: a record per source, a record per chunk, and the manifest over all."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import orjson
from pydantic import BaseModel, ConfigDict, Field

FORMAT = "ragfactory-index/1"

# One entry a row of a segment: where its line starts in chunks-NNNN.jsonl, and the keys (SHA-256) of its chunk and its vector.
ROW_DTYPE = np.dtype([("offset", "<u8"), ("chunk_key", "V32"), ("vector_key", "V32")])


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
    """A chunk of a document that is stored in another document's row, since its text is the same."""

    segment: int
    row: int
    place: Place


class DocumentRecord(_Record):
    """A line of `documents.jsonl`: one source, what was made of it, and the rows that hold its chunks.

    `root` is the folder that was ingested, `path` the source's path below it (also its `doc_id`). `rows` lists (segment, first
    row, number of rows). `recipe` is the digest of everything but the bytes that decides what comes out.
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
    rows: tuple[tuple[int, int, int], ...] = ()
    shared: tuple[SharedRow, ...] = ()


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


class SegmentEntry(_Record):
    """What the manifest says of one segment."""

    number: int
    rows: int
    deleted: int


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
    vector_index: str = "SQbf16"
    documents: int
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
