"""An opened accelerator: the approximate FAISS index beside a segment's exact one, which names rows that are worth scoring."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from ragfactory.store.faiss_files import import_faiss, open_index

if TYPE_CHECKING:
    from io import BufferedReader

    import numpy as np
    import numpy.typing as npt

    from ragfactory.store.records import FastEntry

# The least share of rows that must count. Below it exact search costs little more; a graph loses its way earlier than lists do,
# since what a filter leaves often lies together, away from the query.
_LEAST_SHARE = {"ivf": 0.1, "rabitq": 0.1, "hnsw": 0.5}


class Accelerator:
    """Finds candidates. A search takes the settings that were measured, and looks at more where a filter leaves fewer rows."""

    def __init__(self, file: BufferedReader, entry: FastEntry, exact_index: Any) -> None:
        """Open the index in the file that `entry` describes; `exact_index` is the FAISS index of the same rows.

        Raises DamagedIndexError.
        """
        self._entry = entry
        self._index = open_index(file, exact_index.ntotal, exact_index.d)
        if entry.kind == "hnsw":
            self._lend_vectors(exact_index)

    def suits(self, share: float) -> bool:
        """Whether it is the better way to search when this share of the rows counts."""
        return share >= _LEAST_SHARE[self._entry.kind]

    def candidates(self, query: npt.NDArray[np.float32], k: int, selector: Any, share: float) -> npt.NDArray[np.int64]:
        """Rows near `query` (d,), (n,): `k` or more where it finds them, only such as the FAISS id `selector` lets through.

        `share` is the share of all rows that `selector` lets through.
        """
        faiss = import_faiss()
        search, count = self._entry.search, k
        if self._entry.kind == "hnsw":
            breadth = ceil(max(search["ef_search"], 2 * k) / share)
            parameters = faiss.SearchParametersHNSW(efSearch=breadth, sel=selector)
        else:
            parameters = faiss.SearchParametersIVF(nprobe=ceil(search["nprobe"] / share), sel=selector)
            count = k * search["refine"]
        _, (rows,) = self._index.search(query[None], count, params=parameters)
        found: npt.NDArray[np.int64] = rows[rows >= 0]
        return found

    def _lend_vectors(self, exact_index: Any) -> None:
        """Let the graph, which is stored without vectors, use those of the exact index."""
        self._index.storage = exact_index
        self._index.own_fields = False
        exact_index.thisown = True  # the assignment took it from Python
        self._exact_index = exact_index
