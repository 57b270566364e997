"""Arrays that are written without NumPy are what NumPy writes, and are read as such."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest

from ragfactory.store.npy import find_entries, to_npy

FIELDS = [("key", "|V3"), ("at", "<u8")]
SIZE = 11


@pytest.mark.parametrize("count", [0, 1, 9, 10, 12_345])
def test_a_file_is_what_numpy_writes_and_reads(count: int) -> None:
    entries = [n.to_bytes(SIZE, "big") for n in range(count)]
    written = to_npy(FIELDS, entries)
    array = np.frombuffer(b"".join(entries), dtype=FIELDS)
    expected = BytesIO()
    np.save(expected, array, allow_pickle=False)
    np.testing.assert_array_equal(np.load(BytesIO(written), allow_pickle=False), array)
    for data in (written, expected.getvalue()):
        start, found = find_entries(data, FIELDS, SIZE) or (0, -1)
        assert found == count
        assert data[start:] == b"".join(entries)


def test_what_is_no_array_of_the_fields_is_told() -> None:
    written = to_npy(FIELDS, [bytes(SIZE)])
    other = to_npy([("key", "|V3"), ("at", ">u8")], [bytes(SIZE)])
    for data in (b"", b"\x93NUMPY", written[:-1], written + b"x", b"x" + written[1:], other):
        assert find_entries(data, FIELDS, SIZE) is None
