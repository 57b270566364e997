"""A segment: chunk lines, their vectors and their keys, row by row the same, written once and never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import orjson

from ragfactory.store.records import ROW_DTYPE, ChunkRecord
from ragfactory.store.vectors import BYTES_PER_COMPONENT, VectorFile, write_index

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from ragfactory.store.records import SegmentEntry
    from ragfactory.store.vectors import Codes

    Keys = npt.NDArray[np.void]


def chunks_name(number: int) -> str:
    """The file of a segment's chunk lines."""
    return f"chunks-{number:04d}.jsonl"


def rows_name(number: int) -> str:
    """The file of a segment's line offsets and keys."""
    return f"rows-{number:04d}.npy"


def vectors_name(number: int) -> str:
    """The file of a segment's vectors."""
    return f"vectors-{number:04d}.faiss"


def deleted_name(number: int) -> str:
    """The file of a segment's rows that no longer count."""
    return f"deleted-{number:04d}.npy"


class SegmentWriter:
    """Writes a segment: lines as they come, vectors when it is sealed."""

    def __init__(self, directory: Path, number: int) -> None:
        self.number = number
        self.rows = 0
        self._directory = directory
        self._chunks = (directory / chunks_name(number)).open("wb")
        self._offset = 0
        self._entries: list[tuple[int, bytes, bytes]] = []

    def append(self, record: ChunkRecord, chunk_key: bytes, vector_key: bytes) -> int:
        """Add a chunk under its keys and return its row."""
        line = record.to_line()
        self._chunks.write(line)
        self._entries.append((self._offset, chunk_key, vector_key))
        self._offset += len(line)
        self.rows += 1
        return self.rows - 1

    def seal(self, dimension: int, codes_of: Callable[[bytes], Codes]) -> None:
        """Finish the segment, taking the codes of each row's vector, shape (2 d,), by its key."""
        self._chunks.close()
        rows = np.empty(self.rows, dtype=ROW_DTYPE)
        codes = np.empty((self.rows, dimension * BYTES_PER_COMPONENT), dtype=np.uint8)
        for i, (offset, chunk_key, vector_key) in enumerate(self._entries):
            rows[i] = (offset, np.void(chunk_key), np.void(vector_key))
            codes[i] = codes_of(vector_key)
        np.save(self._directory / rows_name(self.number), rows, allow_pickle=False)
        write_index(self._directory / vectors_name(self.number), codes)

    def close(self) -> None:
        """Close the file of an unfinished segment."""
        self._chunks.close()


class Segment:
    """A segment of an opened version. The files stay open, so it can be read after its version was pruned.

    `chunk_keys` and `vector_keys` are the keys of each row, (n,) of 32 bytes; `live` marks the rows that count, (n,) bool.
    """

    def __init__(self, directory: Path, entry: SegmentEntry) -> None:
        self.number = entry.number
        self._lines = (directory / chunks_name(self.number)).open("rb")
        self._table = np.load(directory / rows_name(self.number), mmap_mode="r", allow_pickle=False)
        self.chunk_keys: Keys = self._table["chunk_key"]
        self.vector_keys: Keys = self._table["vector_key"]
        self.live: npt.NDArray[np.bool_] = np.ones(entry.rows, dtype=np.bool_)
        if entry.deleted:
            self.live[np.load(directory / deleted_name(self.number), allow_pickle=False)] = False
        self.vectors = VectorFile(directory / vectors_name(self.number), entry.rows)

    def __len__(self) -> int:
        return len(self._table)

    def chunk(self, row: int) -> ChunkRecord:
        """The chunk of one row."""
        self._lines.seek(int(self._table["offset"][row]))
        return ChunkRecord.model_validate(orjson.loads(self._lines.readline()))

    def close(self) -> None:
        """Close the segment's files."""
        self._lines.close()


class KeyTable:
    """Finds rows by key over several segments, without a Python object a row."""

    def __init__(self, segments: list[tuple[int, Keys, npt.NDArray[np.bool_]]]) -> None:
        """Take (segment number, keys, mask of the rows that may be found) of each segment."""
        keys, places = [], []
        for number, table, mask in segments:
            rows = np.flatnonzero(mask)
            keys.append(np.asarray(table)[rows])
            places.append(np.stack([np.full(len(rows), number), rows], axis=1))
        self._keys = np.concatenate(keys) if keys else np.empty(0, dtype="V32")
        self._places = np.concatenate(places) if places else np.empty((0, 2), dtype=np.int64)
        heads = self._keys.view(np.uint8).reshape(-1, 32)[:, :8].copy().view(">u8").ravel()
        self._order = np.argsort(heads, kind="stable")
        self._heads = heads[self._order]

    def find(self, key: bytes) -> tuple[int, int] | None:
        """(segment number, row) of the first row with this key, or None."""
        head = np.frombuffer(key[:8], dtype=">u8")[0]
        at = int(np.searchsorted(self._heads, head))
        while at < len(self._heads) and self._heads[at] == head:
            i = self._order[at]
            if self._keys[i].tobytes() == key:
                number, row = self._places[i]
                return int(number), int(row)
            at += 1
        return None
