"""Writing a segment: lines as they come, keys and vectors when it is sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ragfactory.store.rows import ROW_FIELDS
from ragfactory.store.segment import chunks_name, rows_name, vectors_name
from ragfactory.store.vectors import write_index

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ragfactory.store.records import ChunkRecord
    from ragfactory.store.segment import Ids
    from ragfactory.store.vectors import Codec, Codes


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
        table = np.empty(len(self), dtype=ROW_FIELDS)
        codes = np.empty((len(self), self._codec.size), dtype=np.uint8)
        for i, (*numbers, chunk_key, vector_key) in enumerate(self._entries):
            table[i] = (*numbers, np.void(chunk_key), np.void(vector_key))
            codes[i] = codes_of(vector_key)
        np.save(self._directory / rows_name(self.number), table, allow_pickle=False)
        write_index(self._directory / vectors_name(self.number), self._codec, codes)

    def close(self) -> None:
        """Close the file of an unfinished segment."""
        self._chunks.close()
