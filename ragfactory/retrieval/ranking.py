"""One ranking of candidates from both parts of the hybrid: what each says of them, fused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ragfactory.retrieval.fusion import scale_dense, scale_lexical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.retrieval.candidates import Candidate
    from ragfactory.store.vectors import Matrix


def rank(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with their fused scores, best first. Equal ones, such as those too far under the best to count, are
    in the order of their cosines, then by index and row, so that a search can be repeated.
    """
    weights = np.array([(c.weighting.dense, c.weighting.lexical) for c in candidates], dtype=np.float32).reshape(-1, 2)
    lexical = np.array([candidate.lexical or 0.0 for candidate in candidates], dtype=np.float32)  # 0: no word matches
    of_words = {method: scale_lexical(lexical, method) for method in {c.weighting.method for c in candidates}}
    by_words = [of_words[candidate.weighting.method][i] for i, candidate in enumerate(candidates)]
    scaled = np.stack([_comparable(candidates), np.array(by_words, dtype=np.float32)], axis=1)
    fused = (scaled * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), np.finfo(np.float32).tiny)
    scored = [replace(candidate, fused=float(score)) for candidate, score in zip(candidates, fused, strict=True)]
    return sorted(scored, key=lambda c: (-c.fused, -(c.dense or 0.0), c.index, c.row))


def _comparable(candidates: Sequence[Candidate]) -> Matrix:
    """The dense scores, scaled for each embedder by itself: their ranges differ."""
    dense = np.array([candidate.dense or 0.0 for candidate in candidates], dtype=np.float32)
    kinds = [(c.embedder, c.weighting.method, c.weighting.spread) for c in candidates]
    scaled = np.zeros_like(dense)
    for kind in set(kinds):
        own = np.array([other == kind for other in kinds])
        scaled[own] = scale_dense(dense[own], *kind[1:])
    return scaled
