"""What a search gives back: the passages that were found, with the score of each stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ragfactory.retrieval.expansion import By
    from ragfactory.retrieval.places import PlaceInDocument
    from ragfactory.retrieval.understanding import Understood
    from ragfactory.store.layout import IndexName
    from ragfactory.store.records import ChunkRecord

Use: TypeAlias = Literal["preferred", "strict"]


class Mode(StrEnum):
    """Which parts of the hybrid are used."""

    HYBRID = "hybrid"
    DENSE = "dense"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found, with the score of each stage; None where a stage did not look at it.

    `score` is that of the last stage that looked at it. `share` is how much of what the query says of documents holds for its
    own, 0 to 1, where these are preferred, and `preferred` the reranker's score, else the fused one, averaged with that;
    `variant` is the rewriting of the query that found it, where that did better than the query; `near_duplicates` counts passages
    that say the same, whose places are among `others`.
    """

    index: IndexName
    version: int
    chunk: ChunkRecord
    chunk_hash: str
    at: PlaceInDocument
    others: tuple[PlaceInDocument, ...]
    score: float
    dense: float | None
    lexical: float | None
    fused: float | None
    preferred: float | None
    rerank: float | None
    variant: str | None = None
    near_duplicates: int = 0
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was made of a query: what it says of documents, its rewritings that were searched too, what the weight of words was
    multiplied by for it, and who rewrote it, where that was asked for. `use` says whether the documents of which it speaks were
    preferred or, strictly, the only ones looked among; None: it made no difference.
    """

    understood: tuple[Understood, ...] = ()
    use: Use | None = None
    variants: tuple[str, ...] = ()
    emphasis: float = 1.0
    rewritten_by: By | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The passages for a query, best first, and how long each stage took in milliseconds.

    `notes` say, a line each, what was left out. `degraded` where that, or some of it, may pass: a model gave no answer, or a device
    failed, and the same search may do better later. `devices` has for each stage whose model could choose (`rerank`) where it ran.
    """

    query: str
    hits: tuple[Hit, ...]
    timings_ms: dict[str, float]
    notes: tuple[str, ...] = ()
    explanation: Explanation = Explanation()
    devices: Mapping[str, str] = field(default_factory=dict)
    degraded: bool = False
