"""Fusing the scores of two searches into one ranking.

Convex combination of min-max normalised scores: S. Bruch, S. Gai, A. Ingber, "An Analysis of Fusion Functions for Hybrid
Retrieval", ACM TOIS 42(1), 2023, https://arxiv.org/abs/2210.11934.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Scores = npt.NDArray[np.float32]


def fuse(dense: Scores, lexical: Scores, *, dense_weight: float, lexical_weight: float) -> Scores:
    """One score a candidate, in [0, 1]: both (n,) inputs scaled to [0, 1] and averaged with the given weights.

    A dense score is scaled between the lowest and highest of the candidates; a lexical score between 0, which means that no
    word matches, and the highest.
    """
    total = dense_weight + lexical_weight
    if not total:
        return np.zeros_like(dense)
    floor = float(dense.min(initial=np.inf))
    scaled_dense = _scale(dense, floor) if dense_weight else np.zeros_like(dense)
    fused = (dense_weight * scaled_dense + lexical_weight * _scale(lexical, 0.0)) / total
    return fused.astype(np.float32, copy=False)


def _scale(scores: Scores, floor: float) -> Scores:
    ceiling = float(scores.max(initial=-np.inf))
    if ceiling <= floor:
        return np.ones_like(scores) if ceiling > 0 else np.zeros_like(scores)
    return ((scores - floor) / (ceiling - floor)).astype(np.float32, copy=False)
