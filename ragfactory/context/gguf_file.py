"""Is a GGUF file whole? Its header names its tensors, their types and their places: the file has to reach as far as they do.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. llama.cpp finds a file that is cut off too, but only once a
worker has it; this reads the header alone, and starts nothing.
"""

from __future__ import annotations

import mmap
import struct
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING

from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_DEFAULT_ALIGNMENT = 32
_ALIGNMENT_KEY = b"general.alignment"
_MOST_DIMENSIONS = 4

# Values of the header: bytes of those of fixed size, by their number in the format.
_FIXED = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_UINT32, _STRING, _ARRAY = 4, 8, 9

# Tensor types by their number in the format: numbers in a block, and its bytes.
_BLOCKS = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    16: (256, 66),  # IQ2_XXS
    17: (256, 74),  # IQ2_XS
    18: (256, 98),  # IQ3_XXS
    19: (256, 50),  # IQ1_S
    20: (32, 18),  # IQ4_NL
    21: (256, 110),  # IQ3_S
    22: (256, 82),  # IQ2_S
    23: (256, 136),  # IQ4_XS
    24: (1, 1),  # I8
    25: (1, 2),  # I16
    26: (1, 4),  # I32
    27: (1, 8),  # I64
    28: (1, 8),  # F64
    29: (256, 56),  # IQ1_M
    30: (1, 2),  # BF16
    34: (256, 54),  # TQ1_0
    35: (256, 66),  # TQ2_0
    39: (32, 17),  # MXFP4
    40: (64, 36),  # NVFP4
}


def require_whole(path: Path) -> None:
    """Raise ModelUnavailableError for a file that is no GGUF, whose header is damaged, or that ends before its tensors do."""
    if damage := find_damage(path):
        hint = "get the file again, and compare its SHA-256 with the publisher's: `ragfactory model pull` does both"
        raise ModelUnavailableError(f"{path}: {damage}", hint=hint, path=str(path))


def find_damage(path: Path) -> str | None:
    """Why a file is no whole GGUF, in words; None for one that is."""
    try:
        status = path.stat()
        needed = _needed_bytes(path, status.st_size, status.st_mtime_ns)
    except (ValueError, OSError) as error:
        return f"a GGUF file expected, and {error}"
    except (struct.error, OverflowError):  # it speaks of places that are not in it
        return "a GGUF file expected, and its header is cut off"
    if status.st_size < needed:
        return f"cut off: its tensors take the file to {needed:,} bytes, and it has {status.st_size:,}"
    return None


@lru_cache(maxsize=8)
def _needed_bytes(path: Path, size: int, _mtime_ns: int) -> int:
    """How long the file has to be. Raises ValueError, struct.error and OverflowError where its header makes no sense."""
    if size < len(_MAGIC):
        raise ValueError("it is empty" if not size else "it has a few bytes only")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        header = _Header(data)
        return header.needed_bytes()


class _Header:
    """The header of a GGUF, read from its beginning; `_at` is how far."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0
        self._alignment = _DEFAULT_ALIGNMENT

    def needed_bytes(self) -> int:
        if self._take(4) != _MAGIC:
            raise ValueError("it is something else")
        version, tensors, values = self._numbers("<IQQ")
        if version not in _VERSIONS:
            raise ValueError(f"its version is {version}")
        for _ in range(values):
            self._read_value()
        ends = [self._read_tensor() for _ in range(tensors)]
        start = -(-self._at // self._alignment) * self._alignment
        return start + max(ends, default=0)

    def _read_value(self) -> None:
        key = self._take(self._numbers("<Q")[0])
        (kind,) = self._numbers("<I")
        if key == _ALIGNMENT_KEY and kind == _UINT32:
            (self._alignment,) = self._numbers("<I")
            if not self._alignment:
                raise ValueError("its tensors have no alignment")
        else:
            self._skip(kind)

    def _skip(self, kind: int) -> None:
        if kind == _STRING:
            self._leave(self._numbers("<Q")[0])
        elif kind == _ARRAY:
            of, count = self._numbers("<IQ")
            if of in _FIXED:
                self._leave(_FIXED[of] * count)
            elif of == _STRING:
                self._skip_strings(count)
            else:
                raise ValueError(f"its header has a list of unknown kind {of}")
        elif kind in _FIXED:
            self._leave(_FIXED[kind])
        else:
            raise ValueError(f"its header has a value of unknown kind {kind}")

    def _skip_strings(self, count: int) -> None:
        """Step over strings; a vocabulary has some hundred thousand."""
        length, at, data = struct.Struct("<Q").unpack_from, self._at, self._data
        for _ in range(count):
            at += 8 + length(data, at)[0]
        self._at = at

    def _read_tensor(self) -> int:
        """Where a tensor's data end, counted from where all of them begin; 0 for a type that is not known here."""
        self._leave(self._numbers("<Q")[0])
        (dimensions,) = self._numbers("<I")
        if dimensions > _MOST_DIMENSIONS:
            raise ValueError(f"it has a tensor of {dimensions} dimensions")
        shape = self._numbers(f"<{dimensions}Q")
        kind, offset = self._numbers("<IQ")
        numbers, size = _BLOCKS.get(kind, (1, 0))
        return int(offset) + prod(shape) // numbers * size

    def _numbers(self, layout: str) -> tuple[int, ...]:
        found = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return found

    def _take(self, count: int) -> bytes:
        start = self._at
        self._leave(count)
        return self._data[start : self._at]

    def _leave(self, count: int) -> None:
        self._at += count
        if self._at > len(self._data):
            raise ValueError("its header is cut off")
