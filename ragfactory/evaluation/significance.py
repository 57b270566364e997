"""How sure a mean over questions is, and whether two systems really differ.

Intervals are percentile intervals of the bootstrap: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter
13; for a difference, questions are drawn with the scores of both systems, the paired bootstrap of T. Sakai, "Evaluating
Evaluation Metrics based on the Bootstrap", SIGIR 2006. The p-value is that of the paired randomisation test, which M. Smucker,
J. Allan and B. Carterette, "A Comparison of Statistical Significance Tests for Information Retrieval Evaluation", CIKM 2007,
recommend for retrieval. Everything is drawn with a fixed seed, so that the same scores give the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Vector = npt.NDArray[np.float64]

DRAWS = 5000
LEVEL = 0.05  # of significance: intervals hold 95 %
_SEED = 20_060_806
_AT_ONCE = 500  # draws held in memory


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over questions and the bounds between which it lies with 95 % confidence."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean difference over questions, its 95 % bounds, and how likely one as large is by chance alone."""

    mean: float
    low: float
    high: float
    p_value: float

    @property
    def is_real(self) -> bool:
        """Whether both tests say so: chance explains it in fewer than 5 of 100 cases, and the interval does not hold 0."""
        return self.p_value < LEVEL and not self.low <= 0 <= self.high


def interval(values: Vector) -> Interval:
    """The mean of `values`, (n,) with n at least 1, with its bootstrap interval."""
    rng = np.random.default_rng(_SEED)
    means = np.concatenate([values[rng.integers(len(values), size=(n, len(values)))].mean(axis=1) for n in _batches()])
    low, high = np.quantile(means, [LEVEL / 2, 1 - LEVEL / 2])
    return Interval(float(values.mean()), float(low), float(high))


def difference(before: Vector, after: Vector) -> Difference:
    """How much better `after` is than `before`: scores of the same n questions in the same order, (n,) each, n at least 1."""
    gained = after - before
    bounds = interval(gained)
    return Difference(bounds.mean, bounds.low, bounds.high, _chance_of(gained))


def _chance_of(gained: Vector) -> float:
    """The share of random signs of the gains under which their sum is at least as large: were the systems alike, any sign would do.

    What was seen counts as one of the draws (B. Phipson, G. Smyth, 2010), so that it is never 0.
    """
    rng = np.random.default_rng(_SEED)
    gained = gained[gained != 0]
    seen = abs(gained.sum()) - 1e-12  # sums of the same numbers in another order differ by rounding
    as_large = sum(
        int((np.abs(np.where(rng.random((n, len(gained))) < 0.5, -gained, gained).sum(axis=1)) >= seen).sum())
        for n in _batches()
    )
    return (as_large + 1) / (DRAWS + 1)


def _batches() -> list[int]:
    return [_AT_ONCE] * (DRAWS // _AT_ONCE)
