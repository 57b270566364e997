"""A segment's table of rows: one row at a time from the mapped file, or whole columns as NumPy arrays.

A search by words reads some rows of each segment, which takes less time than the import of NumPy.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from functools import cached_property
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from ragfactory.store.npy import find_entries

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

# One entry a row of a segment, ascending by id: the row's number in the whole index, which it keeps when segments are merged; where
# its line starts in chunks-NNNN.jsonl; its pages, 0 where there are none; the keys (SHA-256) of its chunk and its vector.
ROW_FIELDS = [
    ("id", "<u8"),
    ("offset", "<u8"),
    ("page", "<u4"),
    ("page_end", "<u4"),
    ("chunk_key", "|V32"),
    ("vector_key", "|V32"),
]

_ENTRY = Struct("<QQII32s32s")


class Row(NamedTuple):
    """An entry of the table, its fields those of ROW_FIELDS."""

    id: int
    offset: int
    page: int
    page_end: int
    chunk_key: bytes
    vector_key: bytes


class RowTable:
    """The table in a file of `numpy.save`, which may lose its name once this is made."""

    def __init__(self, path: Path) -> None:
        """Map the file. Raises OSError when it is not there, ValueError when it is no such table."""
        with path.open("rb") as file:
            self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        found = find_entries(self._mapped, ROW_FIELDS, _ENTRY.size)
        if found is None:
            raise ValueError(f"{path.name}: not a table of rows")
        self._start, self._count = found

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> Row:
        """The entry of a row, counted from 0."""
        return Row(*_ENTRY.unpack_from(self._mapped, self._start + row * _ENTRY.size))

    def find(self, row_id: int) -> int | None:
        """The row with this id, or None."""
        row = bisect_left(range(self._count), row_id, key=lambda row: self[row].id)
        return row if row < self._count and self[row].id == row_id else None

    @cached_property
    def columns(self) -> npt.NDArray[Any]:
        """The entries, `(n,)` with the fields of ROW_FIELDS, where they lie in the mapped file."""
        import numpy as np

        return np.frombuffer(self._mapped, dtype=np.dtype(ROW_FIELDS), count=self._count, offset=self._start)
