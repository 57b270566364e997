"""The candidates of a search, how much each part of the hybrid counts for them, and their order by one of the parts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ragfactory.store.layout import IndexName

Method: TypeAlias = Literal["scores", "ranks"]

SPREAD = 0.4  # of the cosines of all-MiniLM-L6-v2, as measured
_EXACT = 2.0  # times the weight of words, where a question has a number or a code in it


@dataclass(frozen=True, slots=True)
class Weighting:
    """How the parts count when a candidate is fused, and the spread of its embedder's cosines."""

    dense: float
    lexical: float
    method: Method = "scores"
    spread: float = SPREAD


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row of an index, by its id, with its score of each part of the hybrid; None where a part did not find it.

    `embedder` is the fingerprint of the model that the dense score comes from. `variant` is the rewriting of the query that it
    answers better than the query itself, if there is one. `preferred` is the fused score with what the query says of the document.
    """

    index: IndexName
    row: int
    embedder: str
    weighting: Weighting
    dense: float | None
    lexical: float | None
    variant: str | None = None
    fused: float = 0.0
    preferred: float | None = None
    rerank: float | None = None


def emphasis(query: str) -> float:
    """What the weight of words is multiplied by for this query: a number or a code is found by its signs, not by its meaning."""
    return _EXACT if re.search(r"\d", query) else 1.0


def by_words(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates of full text alone, best first; equal ones by index and row, so that a search can be repeated."""
    return sorted(candidates, key=lambda c: (-(c.lexical or 0.0), c.index, c.row))


def prefer(ranked: Sequence[Candidate], shares: Sequence[float], weight: float) -> list[Candidate]:
    """The candidates in the order of their fused scores averaged, by `weight`, with the share of what the query says of a
    document that holds for theirs, 0 to 1 each.
    """
    scored = [
        replace(candidate, preferred=(candidate.fused + weight * share) / (1 + weight))
        for candidate, share in zip(ranked, shares, strict=True)
    ]
    return sorted(scored, key=lambda c: -(c.preferred or 0.0))
