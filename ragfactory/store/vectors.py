"""Vectors on disk: an exact FAISS index of 16-bit (bfloat16) codes, searched with a bitmap of the rows that count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ragfactory.errors import DamagedIndexError, MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Matrix: TypeAlias = npt.NDArray[np.float32]
    Codes: TypeAlias = npt.NDArray[np.uint8]

BYTES_PER_COMPONENT = 2


def import_faiss() -> Any:
    """The module faiss. Raises MissingExtraError when neither of its two packages is installed."""
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError("faiss-cpu (or faiss-gpu-cu12)", "cpu") from error
    return faiss


def encode(vectors: Matrix) -> Codes:
    """(n, d) float32 as (n, 2 d) uint8: each component rounded to bfloat16, as FAISS stores it."""
    codes: Codes = _empty_index(vectors.shape[1]).sa_encode(np.ascontiguousarray(vectors, dtype=np.float32))
    return codes


def write_index(path: Path, codes: Codes) -> None:
    """Write an exact inner-product index over codes of shape (n, 2 d). Raises OSError when the disk refuses."""
    faiss = import_faiss()
    index = _empty_index(codes.shape[1] // BYTES_PER_COMPONENT)
    index.add_sa_codes(np.ascontiguousarray(codes))
    with path.open("wb") as file:  # FAISS's own writer does not notice when the last of a file finds no room
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))


class VectorFile:
    """An opened index file. Open it only after its hash was checked: FAISS trusts what it reads."""

    def __init__(self, path: Path, rows: int) -> None:
        """Raises DamagedIndexError when the file is no index of that many rows."""
        faiss = import_faiss()
        try:
            self._index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise DamagedIndexError(f"{path}: not a FAISS index that can be read", path=str(path)) from error
        if self._index.ntotal != rows:
            raise DamagedIndexError(f"{path}: {rows} vectors expected, found {self._index.ntotal}", path=str(path))

    def codes(self, first: int, count: int) -> Codes:
        """The codes of rows [first, first + count), shape (count, 2 d)."""
        return self._view()[first : first + count].copy()

    def scores(self, query: Matrix, rows: npt.NDArray[np.int64]) -> Matrix:
        """Inner products of `query` (d,) with the given rows, (n,) float32."""
        decoded = self._index.sa_decode(np.ascontiguousarray(self._view()[rows]))
        products: Matrix = decoded @ query
        return products

    def search(self, query: Matrix, k: int, live: npt.NDArray[np.bool_]) -> tuple[Matrix, npt.NDArray[np.int64]]:
        """Inner products and rows of the `k` nearest live rows to `query` (d,), best first; fewer when there are fewer."""
        faiss = import_faiss()
        bitmap = np.packbits(live, bitorder="little")
        parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bitmap))
        scores, rows = self._index.search(query[np.newaxis, :], min(k, max(int(live.sum()), 1)), params=parameters)
        found = rows[0] >= 0
        return scores[0][found], rows[0][found]

    def _view(self) -> Codes:
        """All codes where they lie in the mapped file, (n, 2 d): valid while this object lives."""
        size = self._index.code_size
        flat = import_faiss().rev_swig_ptr(self._index.codes.data(), self._index.ntotal * size)
        view: Codes = flat.reshape(-1, size)
        return view


def _empty_index(dimension: int) -> Any:
    faiss = import_faiss()
    return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_bf16, faiss.METRIC_INNER_PRODUCT)
