"""Fusing the scores of two searches into one ranking: a weighted mean of both, each brought to the scale from 0 to 1.

By scores (S. Bruch, S. Gai, A. Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 42(1), 2023,
https://arxiv.org/abs/2210.11934): BM25 is divided by the best of the query. A cosine keeps its own unit, since how far the best
stand out tells how much the model knows about a query: one that lies `spread` under the best gets nothing. By ranks: reciprocal
rank fusion (G. Cormack, C. Clarke, S. Büttcher, SIGIR 2009).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ragfactory.embedding.catalog import SPREAD

if TYPE_CHECKING:
    import numpy.typing as npt

    from ragfactory.retrieval.candidates import Method

    Scores = npt.NDArray[np.float32]

_RANK_CONSTANT = 60


def fuse(
    dense: Scores,
    lexical: Scores,
    *,
    dense_weight: float,
    lexical_weight: float,
    method: Method = "scores",
    spread: float = SPREAD,
) -> Scores:
    """One score a candidate, in [0, 1]: both (n,) inputs scaled to [0, 1] and averaged with the given weights.

    `dense` are cosines, `lexical` BM25 scores, 0 where no word matches.
    """
    total = dense_weight + lexical_weight
    if not total:
        return np.zeros_like(dense)
    scaled = dense_weight * scale_dense(dense, method, spread) + lexical_weight * scale_lexical(lexical, method)
    return (scaled / total).astype(np.float32, copy=False)


def scale_dense(cosines: Scores, method: Method, spread: float) -> Scores:
    """Cosines (n,) of one model on the scale from 0 to 1, the best at 1."""
    if method == "ranks":
        return _by_rank(cosines)
    behind = cosines.max(initial=-np.inf) - cosines
    scaled: Scores = np.maximum(1 - behind / np.float32(spread), np.float32(0))
    return scaled


def scale_lexical(scores: Scores, method: Method) -> Scores:
    """BM25 scores (n,) on the scale from 0 to 1, 0 where they are."""
    best = scores.max(initial=0.0)
    if not best:
        return np.zeros_like(scores)
    return np.where(scores > 0, _by_rank(scores), np.float32(0)) if method == "ranks" else scores / best


def _by_rank(scores: Scores) -> Scores:
    """1 for the best, equal scores alike; divided by what reciprocal rank fusion gives the first."""
    different, which = np.unique(-scores, return_inverse=True)
    better = np.searchsorted(np.sort(-scores), different)
    return ((_RANK_CONSTANT + 1) / (_RANK_CONSTANT + 1 + better[which])).astype(np.float32)
