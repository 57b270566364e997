"""Fitting the fusion to one index: which weights and which depth rank its own answers best.

Weights that are chosen and judged by the same questions look better than they are, so they are judged by cross-validation: each
fold's questions are ranked with what the other folds chose (M. Stone, "Cross-Validatory Choice and Assessment of Statistical
Predictions", JRSS B 36(2), 1974). Questions about one document stay in one fold.

What is chosen is not the best on paper but, of all that are within one standard error of it, the one nearest to the present
setting (the one-standard-error rule: L. Breiman and others, "Classification and Regression Trees", 1984, section 3.4.3), so
that few questions do not lead far.

What is ranked is the fusion alone, by the method that the index is searched with. What comes after it, the preference for what a
query says of documents and the reranker, is left out: neither depends on the weights.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ragfactory.embedding.catalog import SPREAD, spread_of
from ragfactory.evaluation.measure import answerable
from ragfactory.evaluation.metrics import DEPTH, METRICS, Scores, score, table
from ragfactory.evaluation.relevance import Found, Judge
from ragfactory.evaluation.significance import difference
from ragfactory.retrieval.candidates import emphasis
from ragfactory.retrieval.fusion import fuse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from ragfactory.evaluation.questions import Question
    from ragfactory.evaluation.significance import Difference
    from ragfactory.retrieval.candidates import Method
    from ragfactory.retrieval.search import Searcher

    Vector = npt.NDArray[np.float32]
    Matrix = npt.NDArray[np.float64]

FOLDS = 5
DEPTHS = (20, 50, 100, 200)
SHARES = tuple(round(step / 20, 2) for step in range(21))  # of the full-text part in the fused score
_TARGET = METRICS.index("ndcg_at_10")


@dataclass(frozen=True, slots=True)
class Setting:
    """How two parts are fused: their weights, and how many candidates each contributes."""

    dense_weight: float
    lexical_weight: float
    depth: int


@dataclass(frozen=True, slots=True)
class Pool:
    """The candidates for one question: their scores of both parts, (n,) float32, 0 in `lexical` where no word matches; and which
    relevant unit each shows. `total` units are relevant; `group` is the document that the question is about. `emphasis` is what
    the weight of words is multiplied by for the question, `spread` that of the embedder's cosines, `method` how both are fused.
    """

    dense: Vector
    lexical: Vector
    units: tuple[str | None, ...]
    total: int
    group: str
    emphasis: float = 1.0
    spread: float = SPREAD
    method: Method = "scores"


@dataclass(frozen=True, slots=True)
class Fit:
    """The setting that was chosen over all questions, and what choosing in this way is worth on questions not chosen by.

    `held_out` and `before` are mean nDCG@10: of what each fold's others chose, and of the setting before.
    `gain` is how they differ.
    """

    best: Setting
    questions: int
    held_out: float
    before: float
    gain: Difference

    @property
    def is_better(self) -> bool:
        """Whether it holds on questions that it was not fitted to."""
        return self.gain.mean > 0


def collect(
    searcher: Searcher, questions: Sequence[Question], progress: Callable[[], None] = lambda: None
) -> list[Pool]:
    """The candidates for each question that can be answered, in the one index that is open.

    Raises QuestionsError when there is no such question.
    """
    pools = []
    spread = spread_of(searcher.manifests[0].embedder.name)
    (retrieve,) = searcher.retrieve.values()
    for question in answerable(questions):
        judge = Judge(question)
        hits = searcher.pool(question.query, max(DEPTHS))
        pools.append(
            Pool(
                dense=np.array([hit.dense or 0.0 for hit in hits], dtype=np.float32),
                lexical=np.array([hit.lexical or 0.0 for hit in hits], dtype=np.float32),
                units=tuple(judge.unit(Found.of(hit)) for hit in hits),
                total=question.total,
                group=question.relevant[0].path,
                emphasis=emphasis(question.query),
                spread=spread,
                method=retrieve.fusion,
            )
        )
        progress()
    return pools


def fit(pools: Sequence[Pool], before: Setting) -> Fit:
    """The setting under which the pools' questions have a high mean nDCG@10, judged against the one `before`.

    There is at least one pool.
    """
    grid = [before, *(Setting(round(1 - share, 2), share, depth) for share in SHARES for depth in DEPTHS)]
    values = np.stack([_values(pools, setting) for setting in grid])
    distances = np.array([_distance(setting, before) for setting in grid])
    folds = _folds(pools)
    held_out = np.empty(len(pools))
    for fold in np.unique(folds):
        others = folds != fold if (folds != fold).any() else folds == fold
        held_out[folds == fold] = values[_choose(values[:, others], distances), folds == fold]
    own = values[0]
    return Fit(
        best=grid[_choose(values, distances)],
        questions=len(pools),
        held_out=float(held_out.mean()),
        before=float(own.mean()),
        gain=difference(own, held_out),
    )


def scores(pool: Pool, setting: Setting) -> Scores:
    """What the ranking of a pool under a setting is worth."""
    dense = pool.dense
    lexical = np.where(
        _among_first(pool.lexical, setting.depth), pool.lexical, np.float32(0)
    )  # beyond, no word is looked for
    kept = np.flatnonzero(_among_first(dense, setting.depth) | (lexical > 0))
    fused = fuse(
        dense[kept],
        lexical[kept],
        dense_weight=setting.dense_weight,
        lexical_weight=setting.lexical_weight * pool.emphasis,
        method=pool.method,
        spread=pool.spread,
    )
    ranking = kept[np.lexsort((-dense[kept], -fused))[:DEPTH]]  # equal ones by their cosines, as a search ranks them
    return score([pool.units[i] for i in ranking], pool.total)


def _values(pools: Sequence[Pool], setting: Setting) -> Matrix:
    values: Matrix = table(scores(pool, setting) for pool in pools)[:, _TARGET]
    return values


def _choose(values: Matrix, distances: Matrix) -> int:
    """Of the rows whose mean is within one standard error of the highest, the one of the smallest distance.

    The error is that of the mean difference between the two over the same questions.
    """
    behind = values[np.argmax(values.mean(axis=1))] - values
    error = behind.std(axis=1) / np.sqrt(values.shape[1])
    return int(np.argmin(np.where(behind.mean(axis=1) <= error + 1e-9, distances, np.inf)))


def _distance(one: Setting, other: Setting) -> float:
    """How far one setting is from another: the shares of full text first, then the depths."""
    return abs(_share(one) - _share(other)) + 0.01 * abs(math.log2(one.depth / other.depth))


def _share(setting: Setting) -> float:
    total = setting.dense_weight + setting.lexical_weight
    return setting.lexical_weight / total if total else 0.5


def _folds(pools: Sequence[Pool]) -> npt.NDArray[np.int64]:
    """Which fold each pool is in, by its document: documents are dealt out in an order that has nothing to do with their names."""
    groups = sorted({pool.group for pool in pools}, key=lambda group: hashlib.sha256(group.encode()).digest())
    fold_of = {group: i % FOLDS for i, group in enumerate(groups)}
    return np.array([fold_of[pool.group] for pool in pools], dtype=np.int64)


def _among_first(values: Vector, depth: int) -> npt.NDArray[np.bool_]:
    """Which values are among the `depth` highest."""
    first = np.zeros(len(values), dtype=np.bool_)
    first[np.argsort(-values, kind="stable")[:depth]] = True
    return first
