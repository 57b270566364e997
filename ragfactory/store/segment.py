"""A segment: chunk lines, their vectors and their keys, row by row the same, written once and never changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import orjson

from ragfactory.store.records import ROW_DTYPE, ChunkRecord
from ragfactory.store.vectors import Codec, VectorFile, write_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from ragfactory.store.records import SegmentEntry
    from ragfactory.store.vectors import Codes

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


class SegmentWriter:
    """Writes a segment: lines as they come, vectors when it is sealed."""

    def __init__(self, directory: Path, number: int, codec: Codec) -> None:
        self.number = number
        self._directory = directory
        self._codec = codec
        self._chunks = (directory / chunks_name(number)).open("wb")
        self._offset = 0
        self._entries: list[tuple[int, int, int, int, bytes, bytes]] = []

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def ids(self) -> Ids:
        """The ids of the rows so far."""
        return np.array([entry[0] for entry in self._entries], dtype=np.uint64)

    def append(self, row_id: int, record: ChunkRecord, chunk_key: bytes, vector_key: bytes) -> None:
        """Add a chunk under its keys. Ids come in ascending order."""
        line = record.to_line()
        self._chunks.write(line)
        place = record.place
        self._entries.append((row_id, self._offset, place.page or 0, place.page_end or 0, chunk_key, vector_key))
        self._offset += len(line)

    def seal(self, codes_of: Callable[[bytes], Codes]) -> None:
        """Finish the segment, taking the codes of each row's vector by its key."""
        self._chunks.close()
        table = np.empty(len(self), dtype=ROW_DTYPE)
        codes = np.empty((len(self), self._codec.size), dtype=np.uint8)
        for i, (*numbers, chunk_key, vector_key) in enumerate(self._entries):
            table[i] = (*numbers, np.void(chunk_key), np.void(vector_key))
            codes[i] = codes_of(vector_key)
        np.save(self._directory / rows_name(self.number), table, allow_pickle=False)
        write_index(self._directory / vectors_name(self.number), self._codec, codes)

    def close(self) -> None:
        """Close the file of an unfinished segment."""
        self._chunks.close()


class Segment:
    """A segment of an opened version. The files stay open, so it can be read after its version was pruned.

    Of each row: its id in `ids`, (n,) ascending; `pages` and `page_ends`, (n,), 0 for none; `chunk_keys` and `vector_keys`, (n,)
    of 32 bytes; and in `live`, (n,) bool, whether it counts.
    """

    def __init__(self, directory: Path, entry: SegmentEntry, dimension: int) -> None:
        self.entry = entry
        self.number = entry.number
        self._lines = (directory / chunks_name(self.number)).open("rb")
        self.table = np.load(directory / rows_name(self.number), mmap_mode="r", allow_pickle=False)
        self.ids: Ids = np.ascontiguousarray(self.table["id"])  # looked up all the time, and strided on disk
        self.pages: npt.NDArray[np.uint32] = self.table["page"]
        self.page_ends: npt.NDArray[np.uint32] = self.table["page_end"]
        self.chunk_keys: Keys = self.table["chunk_key"]
        self.vector_keys: Keys = self.table["vector_key"]
        self.live: Mask = np.ones(entry.rows, dtype=np.bool_)
        if entry.deleted:
            self.live[np.load(directory / deleted_name(self.number), allow_pickle=False)] = False
        fast = (directory / fast_name(self.number), entry.fast) if entry.fast else None
        codec = Codec(dimension, entry.precision)
        self.vectors = VectorFile(directory / vectors_name(self.number), entry.rows, codec, fast)

    def __len__(self) -> int:
        return len(self.table)

    def chunk(self, row: int) -> ChunkRecord:
        """The chunk of one row."""
        self._lines.seek(int(self.table["offset"][row]))
        return ChunkRecord.model_validate(orjson.loads(self._lines.readline()))

    @property
    def lines_size(self) -> int:
        """The size of the file of chunk lines in bytes."""
        return os.fstat(self._lines.fileno()).st_size

    def lines(self, start: int, end: int) -> bytes:
        """The bytes [start, end) of the chunk lines."""
        return os.pread(self._lines.fileno(), end - start, start)

    def close(self) -> None:
        """Close the segment's files."""
        self._lines.close()
        self.vectors.close()


def find_row(segments: Mapping[int, Segment], row_id: int) -> tuple[int, int]:
    """(segment number, row) of the row with this id. Raises KeyError."""
    wanted = np.uint64(row_id)
    for number, segment in segments.items():
        row = int(np.searchsorted(segment.ids, wanted))
        if row < len(segment) and segment.ids[row] == wanted:
            return number, row
    raise KeyError(row_id)


class KeyTable:
    """Finds row ids by key over several segments, without a Python object a row."""

    def __init__(self, segments: Iterable[tuple[Ids, Keys, Mask]]) -> None:
        """Take of each segment the rows' ids, their keys and which of them may be found, (n,) each."""
        ids, keys = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype="V32")]
        for numbers, table, mask in segments:
            ids.append(numbers[mask])
            keys.append(np.asarray(table)[mask])
        self._ids = np.concatenate(ids)
        self._keys = np.concatenate(keys)
        heads = self._keys.view(np.uint8).reshape(-1, 32)[:, :8].copy().view(">u8").ravel()
        self._order = np.argsort(heads, kind="stable")
        self._heads = heads[self._order]

    def find(self, key: bytes) -> int | None:
        """The id of the first row with this key, or None."""
        head = np.frombuffer(key[:8], dtype=">u8")[0]
        at = int(np.searchsorted(self._heads, head))
        while at < len(self._heads) and self._heads[at] == head:
            i = self._order[at]
            if self._keys[i].tobytes() == key:
                return int(self._ids[i])
            at += 1
        return None
