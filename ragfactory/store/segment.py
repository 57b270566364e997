"""A segment: chunk lines, their vectors and their keys, row by row the same, written once and never changed."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from ragfactory.errors import DamagedIndexError
from ragfactory.store.records import ChunkRecord
from ragfactory.store.rows import RowTable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from ragfactory.store.records import SegmentEntry
    from ragfactory.store.vectors import VectorFile

    Keys = npt.NDArray[np.void]
    Ids = npt.NDArray[np.uint64]
    Mask = npt.NDArray[np.bool_]


def chunks_name(number: int) -> str:
    """The file of a segment's chunk lines."""
    return f"chunks-{number:04d}.jsonl"


def rows_name(number: int) -> str:
    """The file of a segment's row ids, line offsets, pages and keys."""
    return f"rows-{number:04d}.npy"


def vectors_name(number: int) -> str:
    """The file of a segment's vectors."""
    return f"vectors-{number:04d}.faiss"


def fast_name(number: int) -> str:
    """The file of a segment's approximate index, where it has one."""
    return f"fast-{number:04d}.faiss"


def deleted_name(number: int) -> str:
    """The file of a segment's rows that no longer count."""
    return f"deleted-{number:04d}.npy"


class Segment:
    """A segment of an opened version. The files stay open, so it can be read after its version was pruned.

    Of each row: its entry in `rows`; its id in `ids`, (n,) ascending; `pages` and `page_ends`, (n,), 0 for none; `chunk_keys` and
    `vector_keys`, (n,) of 32 bytes; and in `live`, (n,) bool, whether it counts. `rows` and `chunk` do without NumPy.
    """

    def __init__(self, directory: Path, entry: SegmentEntry, dimension: int) -> None:
        self.entry = entry
        self.number = entry.number
        self.rows = RowTable(directory / rows_name(self.number))
        self._dimension = dimension
        self._lines = (directory / chunks_name(self.number)).open("rb")
        self._vectors = (directory / vectors_name(self.number)).open("rb")
        self._fast = (directory / fast_name(self.number)).open("rb") if entry.fast else None
        self._deleted = (directory / deleted_name(self.number)).open("rb") if entry.deleted else None

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def vectors(self) -> VectorFile:
        """The vectors of the rows."""
        from ragfactory.store.vectors import Codec, VectorFile

        codec = Codec(self._dimension, self.entry.precision)
        fast = (self._fast, self.entry.fast) if self._fast and self.entry.fast else None
        return VectorFile(self._vectors, self.entry.rows, codec, fast)

    @property
    def table(self) -> npt.NDArray[Any]:
        """All entries of `rows`."""
        return self.rows.columns

    @cached_property
    def ids(self) -> Ids:
        import numpy as np

        return np.ascontiguousarray(self.table["id"])  # looked up all the time, and strided on disk

    @property
    def pages(self) -> npt.NDArray[np.uint32]:
        return self.table["page"]

    @property
    def page_ends(self) -> npt.NDArray[np.uint32]:
        return self.table["page_end"]

    @property
    def chunk_keys(self) -> Keys:
        return self.table["chunk_key"]

    @property
    def vector_keys(self) -> Keys:
        return self.table["vector_key"]

    @cached_property
    def live(self) -> Mask:
        """Which rows count, (n,). Raises DamagedIndexError when the list of those that do not is none."""
        import numpy as np

        live = np.ones(self.entry.rows, dtype=np.bool_)
        if self._deleted is not None:
            try:
                live[np.load(self._deleted, allow_pickle=False)] = False
            except (ValueError, LookupError) as error:  # what NumPy says of no array, and of rows that are not there
                path = self._deleted.name
                raise DamagedIndexError(f"{path}: not a list of deleted rows: {error}", path=path) from error
        return live

    def chunk(self, row: int) -> ChunkRecord:
        """The chunk of one row."""
        self._lines.seek(self.rows[row].offset)
        return ChunkRecord.model_validate(orjson.loads(self._lines.readline()))

    def stored_for(self, row: int) -> tuple[str, str]:
        """The root and path of the document that a row was stored for."""
        self._lines.seek(self.rows[row].offset)
        raw = orjson.loads(self._lines.readline())
        return raw["root"], raw["path"]

    @property
    def lines_size(self) -> int:
        """The size of the file of chunk lines in bytes."""
        return os.fstat(self._lines.fileno()).st_size

    def lines(self, start: int, end: int) -> bytes:
        """The bytes [start, end) of the chunk lines."""
        return os.pread(self._lines.fileno(), end - start, start)

    def close(self) -> None:
        """Close the segment's files."""
        for file in (self._lines, self._vectors, self._fast, self._deleted):
            if file is not None:
                file.close()


def find_row(segments: Mapping[int, Segment], row_id: int) -> tuple[int, int]:
    """(segment number, row) of the row with this id. Raises KeyError."""
    for number, segment in segments.items():
        if (row := segment.rows.find(row_id)) is not None:
            return number, row
    raise KeyError(row_id)
