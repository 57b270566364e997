"""The candidates of a search and their order: what each part of the hybrid says of them, fused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ragfactory.retrieval.fusion import fuse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.store.layout import IndexName
    from ragfactory.store.vectors import Matrix


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row of an index, by its id, with its score of each part of the hybrid; None where a part did not find it.

    `embedder` is the fingerprint of the model that the dense score comes from; the weights are those of the parts when fused.
    """

    index: IndexName
    row: int
    embedder: str
    dense_weight: float
    lexical_weight: float
    dense: float | None
    lexical: float | None
    fused: float = 0.0
    rerank: float | None = None


def rank(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with their fused scores, best first; equal ones by index and row, so that a search can be repeated."""
    dense = _comparable(candidates)
    lexical = np.array([candidate.lexical or 0.0 for candidate in candidates], dtype=np.float32)  # 0: no word matches
    weights = [(candidate.dense_weight, candidate.lexical_weight) for candidate in candidates]
    fused = {pair: fuse(dense, lexical, dense_weight=pair[0], lexical_weight=pair[1]) for pair in set(weights)}
    scored = [
        replace(candidate, fused=float(fused[pair][i]))
        for i, (candidate, pair) in enumerate(zip(candidates, weights, strict=True))
    ]
    return sorted(scored, key=lambda c: (-c.fused, c.index, c.row))


def _comparable(candidates: Sequence[Candidate]) -> Matrix:
    """The dense scores; where there are several embedders, whose ranges differ, each one's are scaled by themselves."""
    dense = np.array([candidate.dense or 0.0 for candidate in candidates], dtype=np.float32)
    embedders = [candidate.embedder for candidate in candidates]
    models = set(embedders)
    if len(models) > 1:
        for model in models:
            own = np.array([embedder == model for embedder in embedders])
            dense[own] = fuse(dense[own], np.zeros_like(dense[own]), dense_weight=1.0, lexical_weight=0.0)
    return dense
