"""What a ranking is worth: recall, reciprocal rank and discounted cumulative gain over its first ten passages."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    Matrix = npt.NDArray[np.float64]

DEPTH = 10  # passages of a ranking that are judged


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one ranking, all in [0, 1].

    `recall_at_5` and `recall_at_10` are the share of the relevant units that the first 5 or 10 passages show, of as many as can
    be shown there. `mrr_at_10` is 1 over the rank of the first passage that shows one, or 0 (E. Voorhees, "The TREC-8
    Question Answering Track Report", 1999). `ndcg_at_10` is the discounted cumulative gain, a unit at rank i counting
    1/log2(i + 1), over that of the best ranking possible (K. Järvelin, J. Kekäläinen, "Cumulated Gain-Based Evaluation of IR
    Techniques", ACM TOIS 20(4), 2002).
    """

    recall_at_5: float
    recall_at_10: float
    mrr_at_10: float
    ndcg_at_10: float


METRICS = tuple(Scores.__dataclass_fields__)


def score(units: Sequence[str | None], total: int) -> Scores:
    """The scores of a ranking. `units` names for each passage, best first, the relevant unit that it shows, or None.

    There are `total` relevant units. One counts where it is shown first. Raises ValueError for a total under 1.
    """
    if total < 1:
        raise ValueError(f"at least 1 relevant unit expected, got {total}")
    ranks = _first_ranks(units[:DEPTH])
    ideal = sum(_discount(rank) for rank in range(1, min(total, DEPTH) + 1))
    return Scores(
        recall_at_5=min(1.0, sum(rank <= 5 for rank in ranks) / min(total, 5)),
        recall_at_10=min(1.0, len(ranks) / min(total, DEPTH)),
        mrr_at_10=1 / ranks[0] if ranks else 0.0,
        ndcg_at_10=min(1.0, sum(map(_discount, ranks)) / ideal),
    )


def table(scores: Iterable[Scores]) -> Matrix:
    """Scores as an array, (n, len(METRICS)) float64, in the order of METRICS."""
    return np.array([astuple(entry) for entry in scores], dtype=np.float64).reshape(-1, len(METRICS))


def _first_ranks(units: Sequence[str | None]) -> list[int]:
    """The ranks, from 1, at which a unit is shown for the first time."""
    firsts: dict[str, int] = {}
    for rank, unit in enumerate(units, start=1):
        if unit is not None:
            firsts.setdefault(unit, rank)
    return list(firsts.values())


def _discount(rank: int) -> float:
    return 1 / math.log2(rank + 1)
