"""What happens during a run, as small frozen records. Progress bars, the run report, logs and webhooks listen to this one stream.

An event about a source names it by `root` (the folder that was ingested) and `doc_id` (its path below that).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

if TYPE_CHECKING:
    from ragfactory.errors import RagfactoryError


@dataclass(frozen=True, slots=True)
class Begun:
    """A run looks after a project from here on. A run over several projects has one of these for each."""

    tenant: str
    project: str


@dataclass(frozen=True, slots=True)
class Scanned:
    """The folders were looked through and compared with the index. `failed_before` counts files that are not tried again."""

    seen: int
    to_process: int
    unchanged: int
    removed: int
    skipped: int
    failed_before: int = 0


@dataclass(frozen=True, slots=True)
class Received:
    """A source is part of this run's work."""

    root: str
    doc_id: str


@dataclass(frozen=True, slots=True)
class Started:
    """A parser's process gets the source."""

    root: str
    doc_id: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A source was read, classified and cut, and has its contexts, but for those that a language model is asked for by `prompts`.
    `parse_s` and `chunk_s` are seconds in the parser's process.
    """

    root: str
    doc_id: str
    document_type: str
    pages: int | None
    chunks: int
    prompts: int
    parse_s: float
    chunk_s: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A source could not become a Document, or a folder (`.`) is not as it should be. The run goes on."""

    root: str
    doc_id: str
    code: str
    message: str
    hint: str | None = None

    @classmethod
    def of(cls, root: str, doc_id: str, error: RagfactoryError) -> Self:
        """What an error came to for a source."""
        return cls(root, doc_id, error.code, error.message, error.hint)


@dataclass(frozen=True, slots=True)
class Retyped:
    """A document whose type was not sure is taken for another, `document_type`, as a language model suggests. It is read again."""

    root: str
    doc_id: str
    before: str
    document_type: str


@dataclass(frozen=True, slots=True)
class Left:
    """A source was not done when the run's time was up. What was there of it stays, and the next run goes on."""

    root: str
    doc_id: str


@dataclass(frozen=True, slots=True)
class Assembled:
    """A document has its chunks and their texts, and waits for vectors. `made + reused + deduplicated` is its chunks."""

    root: str
    doc_id: str
    index: str
    made: int
    reused: int
    deduplicated: int


@dataclass(frozen=True, slots=True)
class Enriched:
    """A document's chunks have their contexts from a language model: taken from those that were kept (`found`), `written` anew, or,
    where its answer was `refused` or it was not asked or did not answer (`missing`), from the document's structure.
    """

    root: str
    doc_id: str
    found: int
    written: int
    refused: int
    missing: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A language model was asked for contexts, which took it `seconds`; `again`, since its first answer was refused, or for an
    `analysis` of a document. It is not `settled` where it will be asked once more. Counts are in tokens, 0 where a server does not
    tell.
    """

    prompts: int
    seconds: float
    read: int
    reused: int
    written: int
    again: bool = False
    analysis: bool = False
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Embedded:
    """Chunks got their vectors, which took `seconds`. `windowed` counts texts longer than the embedder's window."""

    chunks: int
    tokens: int
    windowed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Stored:
    """A document is whole: it is part of the next version of its index, as a new one, in the place of another, or moved."""

    root: str
    doc_id: str
    index: str
    change: Literal["added", "changed", "moved"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A document that still wants contexts was made again and got none: what is stored of it stays as it is."""

    root: str
    doc_id: str


@dataclass(frozen=True, slots=True)
class Publishing:
    """The next version of an index is being written out."""

    index: str


@dataclass(frozen=True, slots=True)
class Published:
    """A version of an index serves from now on."""

    index: str
    version: int
    documents: int
    chunks: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Recovered:
    """Vectors that an unfinished run had made are there to be used again."""

    index: str
    vectors: int


@dataclass(frozen=True, slots=True)
class WorkerStarted:
    """A worker of a device has loaded its model, which took it `seconds`."""

    device: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Worked:
    """A device did some work of a role (`embed`, `write`), which took it `seconds`."""

    device: str
    role: str
    items: int
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Wrote:
    """A device wrote a piece of an answer that somebody waits for."""

    device: str
    text: str


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker died, or hung and was ended. What it had goes to another."""

    device: str
    reason: str


@dataclass(frozen=True, slots=True)
class Retried:
    """Work of a device was not done and is done again: smaller, later or elsewhere. `items` counts its texts."""

    device: str
    items: int
    reason: str


@dataclass(frozen=True, slots=True)
class Troubled:
    """A server does not answer, or not well, and is tried again."""

    device: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rested:
    """A device gets no more work for now."""

    device: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """A device that rested gets work again."""

    device: str


@dataclass(frozen=True, slots=True)
class Benched:
    """A device gets no more work in this run."""

    device: str
    reason: str


@dataclass(frozen=True, slots=True)
class FellBack:
    """The CPU takes over work that no card does."""

    reason: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know once: a choice made for them, or a warning about one source. An `alarm` is told also to those
    who only want to hear of problems.
    """

    message: str
    doc_id: str | None = None
    alarm: bool = False


Event: TypeAlias = (
    Begun
    | Scanned
    | Received
    | Started
    | Prepared
    | Failed
    | Retyped
    | Left
    | Assembled
    | Enriched
    | Asked
    | Embedded
    | Stored
    | Kept
    | Publishing
    | Published
    | Recovered
    | WorkerStarted
    | Worked
    | Wrote
    | WorkerLost
    | Retried
    | Troubled
    | Rested
    | Resumed
    | Benched
    | FellBack
    | Notice
)
Listener: TypeAlias = Callable[[Event], None]
