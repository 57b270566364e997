"""The candidates of a search and their order: what each part of the hybrid says of them, fused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ragfactory.retrieval.fusion import SPREAD, scale_dense, scale_lexical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.retrieval.fusion import Method
    from ragfactory.store.layout import IndexName
    from ragfactory.store.vectors import Matrix


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


def rank(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with their fused scores, best first; equal ones by index and row, so that a search can be repeated."""
    weights = np.array([(c.weighting.dense, c.weighting.lexical) for c in candidates], dtype=np.float32).reshape(-1, 2)
    lexical = np.array([candidate.lexical or 0.0 for candidate in candidates], dtype=np.float32)  # 0: no word matches
    of_words = {method: scale_lexical(lexical, method) for method in {c.weighting.method for c in candidates}}
    by_words = [of_words[candidate.weighting.method][i] for i, candidate in enumerate(candidates)]
    scaled = np.stack([_comparable(candidates), np.array(by_words, dtype=np.float32)], axis=1)
    fused = (scaled * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), np.finfo(np.float32).tiny)
    scored = [replace(candidate, fused=float(score)) for candidate, score in zip(candidates, fused, strict=True)]
    return sorted(scored, key=lambda c: (-c.fused, c.index, c.row))


def prefer(ranked: Sequence[Candidate], shares: Sequence[float], weight: float) -> list[Candidate]:
    """The candidates in the order of their fused scores averaged, by `weight`, with the share of what the query says of a
    document that holds for theirs, 0 to 1 each.
    """
    scored = [
        replace(candidate, preferred=(candidate.fused + weight * share) / (1 + weight))
        for candidate, share in zip(ranked, shares, strict=True)
    ]
    return sorted(scored, key=lambda c: -(c.preferred or 0.0))


def _comparable(candidates: Sequence[Candidate]) -> Matrix:
    """The dense scores, scaled for each embedder by itself: their ranges differ."""
    dense = np.array([candidate.dense or 0.0 for candidate in candidates], dtype=np.float32)
    kinds = [(c.embedder, c.weighting.method, c.weighting.spread) for c in candidates]
    scaled = np.zeros_like(dense)
    for kind in set(kinds):
        own = np.array([other == kind for other in kinds])
        scaled[own] = scale_dense(dense[own], *kind[1:])
    return scaled
