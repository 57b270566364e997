"""Vectors on disk: an exact FAISS index of 16-bit (bfloat16) or 32-bit codes, searched over the rows that count."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np

from ragfactory.store.accelerator import Accelerator
from ragfactory.store.faiss_files import import_faiss, open_index

if TYPE_CHECKING:
    from io import BufferedReader

    import numpy.typing as npt

    from ragfactory.store.records import FastEntry

    Matrix: TypeAlias = npt.NDArray[np.float32]
    Codes: TypeAlias = npt.NDArray[np.uint8]
    Rows: TypeAlias = npt.NDArray[np.int64]

Precision: TypeAlias = Literal["bf16", "float32"]


@dataclass(frozen=True, slots=True)
class Codec:
    """How a vector is kept: as 16-bit brain floats or as 32-bit floats."""

    dimension: int
    precision: Precision

    @property
    def size(self) -> int:
        """Bytes a vector."""
        return self.dimension * (2 if self.precision == "bf16" else 4)

    def encode(self, vectors: Matrix) -> Codes:
        """(n, d) float32 as (n, size) uint8."""
        codes: Codes = self.empty_index().sa_encode(np.ascontiguousarray(vectors, dtype=np.float32))
        return codes

    def decode(self, codes: Codes) -> Matrix:
        """(n, size) uint8 as (n, d) float32."""
        vectors: Matrix = self.empty_index().sa_decode(np.ascontiguousarray(codes))
        return vectors

    def convert(self, codes: Codes, codec: Codec) -> Codes:
        """Codes of another codec as codes of this one."""
        return codes if codec == self else self.encode(codec.decode(codes))

    def empty_index(self) -> Any:
        """An exact inner-product FAISS index without rows."""
        faiss = import_faiss()
        if self.precision == "float32":
            return faiss.IndexFlatIP(self.dimension)
        return faiss.IndexScalarQuantizer(self.dimension, faiss.ScalarQuantizer.QT_bf16, faiss.METRIC_INNER_PRODUCT)


def write_index(path: Path, codec: Codec, codes: Codes) -> None:
    """Write an exact inner-product index over codes of shape (n, size), which may be mapped from a file larger than memory.

    Raises OSError when the disk refuses.
    """
    index = codec.empty_index()
    index.ntotal = len(codes)
    # What FAISS would write, whose index would hold all codes in memory: codes come last, after how many bytes or floats they are.
    head = import_faiss().serialize_index(index)[:-8]
    count = codes.size // (4 if codec.precision == "float32" else 1)
    with path.open("wb") as file:
        file.write(head.data)
        file.write(count.to_bytes(8, "little"))
        file.write(np.ascontiguousarray(codes).data)


class VectorFile:
    """An index file, with its accelerator where it has one. Search it only after the hashes were checked.

    The files are held from the start, so that the rows can be read after their folder was removed; FAISS opens them when rows are
    first asked for. Every method raises DamagedIndexError when a file is no index of that many rows of the codec's dimension.
    """

    def __init__(
        self, file: BufferedReader, rows: int, codec: Codec, fast: tuple[BufferedReader, FastEntry] | None = None
    ) -> None:
        self.path = Path(file.name)
        self.rows = rows
        self.codec = codec
        self._file = file
        self._fast = fast

    @classmethod
    def at(cls, path: Path, rows: int, codec: Codec, fast: tuple[Path, FastEntry] | None = None) -> Self:
        """Hold the files at these paths. Raises OSError when one is not there."""
        return cls(path.open("rb"), rows, codec, (fast[0].open("rb"), fast[1]) if fast else None)

    @cached_property
    def _opened(self) -> tuple[Any, Accelerator | None]:
        """The FAISS index and its accelerator. A mapping needs no open file."""
        index = open_index(self._file, self.rows, self.codec.dimension)
        accelerator = Accelerator(*self._fast, index) if self._fast else None
        self.close()
        return index, accelerator

    def open(self) -> Self:
        """Have FAISS open the files now."""
        assert self._opened
        return self

    def close(self) -> None:
        """Let go of the files; what FAISS has opened can still be read."""
        self._file.close()
        if self._fast:
            self._fast[0].close()

    def gather(self, rows: Rows) -> Codes:
        """The codes of the given rows, (n, size)."""
        return self._view()[rows]

    def scores(self, query: Matrix, rows: Rows) -> Matrix:
        """Inner products of `query` (d,) with the given rows, (n,) float32."""
        products: Matrix = np.vecdot(
            self.codec.decode(self.gather(rows)), query
        )  # on a busy machine `@` waits for its threads
        return products

    def search(self, query: Matrix, k: int, live: npt.NDArray[np.bool_], *, exact: bool = False) -> tuple[Matrix, Rows]:
        """Inner products and rows of the `k` nearest live rows to `query` (d,), best first; fewer when there are fewer.

        Without an accelerator, with `exact`, where few rows are live and where the accelerator finds too few, every live row is
        compared. Otherwise the rows are those that the accelerator finds; their scores are always exact.
        """
        faiss = import_faiss()
        count = int(live.sum())
        k = min(k, count)
        if k == 0:
            return np.empty(0, dtype=np.float32), np.empty(0, dtype=np.int64)
        selector = faiss.IDSelectorBitmap(np.packbits(live, bitorder="little"))
        share = count / self.rows
        index, accelerator = self._opened
        if accelerator is not None and not exact and accelerator.suits(share):
            candidates = accelerator.candidates(query, k, selector, share)
            if len(candidates) >= k:
                return self._best(query, k, candidates)
        (scores,), (rows,) = index.search(query[None], k, params=faiss.SearchParameters(sel=selector))
        return scores, rows

    def _best(self, query: Matrix, k: int, candidates: Rows) -> tuple[Matrix, Rows]:
        scores = self.scores(query, candidates)
        order = np.argsort(-scores, kind="stable")[:k]
        return scores[order], candidates[order]

    def _view(self) -> Codes:
        """All codes where they lie in the mapped file, (n, size): valid while this object lives."""
        index, _ = self._opened
        flat = import_faiss().rev_swig_ptr(index.codes.data(), self.rows * self.codec.size)
        view: Codes = flat.reshape(-1, self.codec.size)
        return view
