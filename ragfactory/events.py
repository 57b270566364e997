"""What happens during a run, as small frozen records. Progress bars, the run report and logs listen to this one stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Scanned:
    """The folders were looked through and compared with the index."""

    seen: int
    to_process: int
    unchanged: int
    removed: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A source was read, classified and cut. `parse_s` and `chunk_s` are seconds in the parser's process."""

    doc_id: str
    document_type: str
    pages: int | None
    chunks: int
    parse_s: float
    chunk_s: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A source could not become a Document. The run goes on."""

    doc_id: str
    code: str
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Embedded:
    """Chunks got their vectors on a device. `windowed` counts texts longer than the embedder's window."""

    chunks: int
    tokens: int
    windowed: int
    seconds: float
    device: str


@dataclass(frozen=True, slots=True)
class Assembled:
    """A document has its chunks and their texts, and waits for vectors. `made + reused + deduplicated` is its chunks."""

    doc_id: str
    index: str
    made: int
    reused: int
    deduplicated: int


@dataclass(frozen=True, slots=True)
class Published:
    """A version of an index serves from now on."""

    index: str
    version: int
    documents: int
    chunks: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know once: a choice made for them, or a warning about one source."""

    message: str
    doc_id: str | None = None


Event: TypeAlias = Scanned | Prepared | Failed | Embedded | Assembled | Published | Notice
Listener: TypeAlias = Callable[[Event], None]
