"""Files of `numpy.save` that hold entries of one size, without NumPy: its import takes longer than a search by words.

The format is at https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import mmap
    from collections.abc import Sequence

    Fields: TypeAlias = Sequence[tuple[str, str]]  # names and types of an entry's fields, as NumPy has them

_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGNMENT = 64


def find_entries(data: mmap.mmap | bytes, fields: Fields, size: int) -> tuple[int, int] | None:
    """Where the entries of `size` bytes begin in such a file, and how many there are; None when it is no array of these fields."""
    start = len(_MAGIC) + 2 + int.from_bytes(data[len(_MAGIC) : len(_MAGIC) + 2], "little")
    count, rest = divmod(len(data) - start, size)
    if rest or data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) + 2 : start].strip() != _head(fields, count):
        return None
    return start, count


def to_npy(fields: Fields, entries: Sequence[bytes]) -> bytes:
    """The file that `numpy.save` makes of an array of these entries."""
    head = _head(fields, len(entries))
    before = len(_MAGIC) + 2
    length = -(-(before + len(head) + 1) // _ALIGNMENT) * _ALIGNMENT - before
    return b"".join([_MAGIC, length.to_bytes(2, "little"), head.ljust(length - 1), b"\n", *entries])


def _head(fields: Fields, count: int) -> bytes:
    return f"{{'descr': {list(fields)}, 'fortran_order': False, 'shape': ({count},), }}".encode()
