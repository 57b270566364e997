"""The vectors of an unfinished run, appended as they are made and found again by key when the run is repeated.

A file is a sequence of fixed-size entries: key, CRC-32 of the codes, codes. What a killed process left half written does not
check out and is cut off when the log is opened next; everything before it is used again.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ragfactory.store.vectors import Codes


class VectorLog:
    """An append-only file of vectors of one embedder. One process at a time may have it open."""

    def __init__(self, path: Path, size: int) -> None:
        """Open or create the file; a vector's codes take `size` bytes."""
        self._size = size
        self._entry = np.dtype([("key", "V32"), ("crc", "<u4"), ("codes", "u1", (self._size,))])
        self._positions: dict[bytes, int] = {}
        self._file = path.open("a+b")
        self._recover()
        self.recovered = len(self._positions)

    def __contains__(self, key: bytes) -> bool:
        return key in self._positions

    def append(self, keys: Sequence[bytes], codes: Codes) -> None:
        """Add vectors as (n, size) codes, one a key; they are with the operating system when this returns."""
        entries = np.empty(len(keys), dtype=self._entry)
        for i, key in enumerate(keys):
            entries[i] = (np.void(key), zlib.crc32(codes[i].tobytes()), codes[i])
            self._positions[key] = self._length + i
        self._file.write(entries.tobytes())
        self._file.flush()
        self._length += len(keys)

    def get(self, key: bytes) -> Codes:
        """The codes stored under `key`, shape (size,). Raises KeyError."""
        self._file.seek((self._positions[key] + 1) * self._entry.itemsize - self._size)
        return np.frombuffer(self._file.read(self._size), dtype=np.uint8)

    def close(self) -> None:
        """Close the file; it stays on disk."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _recover(self) -> None:
        self._length = 0
        self._file.seek(0)
        while len(data := self._file.read(self._entry.itemsize)) == self._entry.itemsize:
            entry = np.frombuffer(data, dtype=self._entry)[0]
            if zlib.crc32(entry["codes"].tobytes()) != entry["crc"]:
                break
            self._positions[entry["key"].tobytes()] = self._length
            self._length += 1
        self._file.truncate(self._length * self._entry.itemsize)
