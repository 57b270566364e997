"""Measuring recall: which share of the ten nearest rows an approximate search finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ragfactory.store.vectors import Matrix, VectorFile

_K = 10
_QUERIES = 200
_TIE = 1e-6  # scores nearer than this are equal: rounding differs with the way they were summed
_SEED = 20_240_521


@dataclass(frozen=True, slots=True)
class Recall:
    """Recall@10 against exact search, for queries that were made from the segment's own rows.

    A query is the direction of 0.7 a + 0.3 b, where a and b are two rows of a fixed sample, and a itself may not be found. A row
    by itself is too easy a query; this mixture is about as hard as real questions to passages of documents are. Found is what
    scores no lower than the tenth row of the exact search, whichever of equal rows that is.
    """

    queries: Matrix  # (n, d)
    left_out: tuple[int, ...]  # the row that each query may not find
    tenth: tuple[float, ...]  # the score of each query's tenth row

    @classmethod
    def of(cls, exact: VectorFile) -> Self:
        """Make queries from `exact`, 200 or half of its rows, and search them exactly. It has 20 rows at least."""
        random = np.random.default_rng(_SEED)
        near, far = random.choice(exact.rows, (2, min(_QUERIES, exact.rows // 2)), replace=False)
        queries = 0.7 * exact.codec.decode(exact.gather(near)) + 0.3 * exact.codec.decode(exact.gather(far))
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
        tenth = []
        for query, row in zip(queries, near, strict=True):
            scores, _ = exact.search(query, _K, _all_but(row, exact.rows), exact=True)
            tenth.append(float(scores[-1]))
        return cls(queries, tuple(near.tolist()), tuple(tenth))

    def measure(self, vectors: VectorFile) -> float:
        """The recall of `vectors`, which hold the same rows, over all queries: 0 to 1."""
        found = 0
        for query, row, tenth in zip(self.queries, self.left_out, self.tenth, strict=True):
            scores, _ = vectors.search(query, _K, _all_but(row, vectors.rows))
            found += int((scores >= tenth - _TIE).sum())
        return found / (_K * len(self.queries))


def _all_but(row: int, rows: int) -> npt.NDArray[np.bool_]:
    mask = np.ones(rows, dtype=np.bool_)
    mask[row] = False
    return mask
