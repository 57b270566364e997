"""The table of rows: an entry read by itself is what NumPy has of it, and what is no table is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragfactory.store.rows import ROW_FIELDS, RowTable

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 1000


@pytest.fixture
def entries() -> np.ndarray:
    """A thousand entries of random bytes, their ids ascending with gaps."""
    rng = np.random.default_rng(7)
    table = rng.bytes(COUNT * np.dtype(ROW_FIELDS).itemsize)
    entries = np.frombuffer(table, dtype=ROW_FIELDS).copy()
    entries["id"] = np.cumsum(rng.integers(1, 4, COUNT)) + 2**40
    return entries


def test_a_row_read_by_itself_is_that_of_the_columns(entries: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"
    np.save(path, entries)
    table = RowTable(path)
    path.unlink()
    assert len(table) == COUNT
    np.testing.assert_array_equal(table.columns, entries)
    for row in (0, 1, 500, COUNT - 1):
        own = entries[row]
        assert table[row][:4] == tuple(int(own[name]) for name in ("id", "offset", "page", "page_end"))
        assert (table[row].chunk_key, table[row].vector_key) == (
            own["chunk_key"].tobytes(),
            own["vector_key"].tobytes(),
        )


def test_rows_are_found_by_their_ids(entries: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", entries)
    table = RowTable(tmp_path / "rows.npy")
    rows = {int(row_id): row for row, row_id in enumerate(entries["id"])}
    for row_id in range(min(rows) - 2, max(rows) + 3):
        assert table.find(row_id) == rows.get(row_id)


def test_no_rows_are_a_table_too(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.empty(0, dtype=ROW_FIELDS))
    table = RowTable(tmp_path / "rows.npy")
    assert (len(table), table.find(0), table.columns.shape) == (0, None, (0,))


def test_what_is_no_table_is_refused(entries: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"
    np.save(path, entries)
    whole = path.read_bytes()
    for damaged in (b"", b"x", whole[:-1], whole + b"x", b"x" + whole[1:], whole.replace(b"<u8", b"<i8")):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"rows\.npy: not a table of rows|empty file"):
            RowTable(path)
    np.save(path, np.arange(88))
    with pytest.raises(ValueError, match="not a table of rows"):
        RowTable(path)
