"""The store's benchmark at a size that takes seconds: it runs to its end, and what is no matter of time holds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.store import show_publishes, show_rows, show_unchanged
from benchmarks.store_library import Library, Publishes, measure_publishes
from benchmarks.store_measures import apart
from benchmarks.store_rows import DIMENSION, draw, measure_rows

if TYPE_CHECKING:
    from pathlib import Path

CHANGED = 4
VECTOR = 2 * DIMENSION  # bytes on disk
SIZE = 50 * 2**20  # bytes


def publishes(folder: Path, files: int) -> tuple[Library, Publishes]:
    library = Library(folder, files)
    return library, measure_publishes(library, library.ingest(), CHANGED, turns=1)


def test_what_a_publish_writes_grows_with_the_change_not_with_the_index(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, few = publishes(tmp_path / "few", 20)
    library, many = publishes(tmp_path / "many", 120)
    assert many.whole.new_bytes > 120 * VECTOR
    assert all(change.new_bytes > CHANGED * VECTOR for change in many.changes)
    assert many.mean_bytes < 1.3 * few.mean_bytes
    assert many.mean_bytes < many.whole.new_bytes / 10

    seconds = library.reindex_unchanged()
    assert len(list((tmp_path / "many").glob("home/indexes/*/*/*/0*"))) == 2  # and none more

    show_unchanged(120, many.whole.seconds, [seconds])
    show_publishes(CHANGED, {20: few, 120: many})
    assert "6 x the files" in capsys.readouterr().out


def test_rows_are_built_added_to_and_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = measure_rows(tmp_path / "rows", 3000, 5)
    built, added = figures.built.result, figures.added.result
    assert [entry.rows for entry in added.segments] == [3000, 3]
    assert built.bytes > 3000 * VECTOR
    assert added.bytes < built.bytes / 100
    assert figures.searched.result.recall_at_10 == 1.0  # so few rows are searched exactly
    show_rows(figures)
    assert "3,000 rows of 1,024 dimensions" in capsys.readouterr().out


def test_the_same_rows_are_drawn_again_and_have_neighbours_among_the_others() -> None:
    rows = draw(0, 3000)
    np.testing.assert_array_equal(rows, draw(0, 3000))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    nearness = draw(3000, 5) @ rows.T
    assert (nearness.max(axis=1) > 0.5).all()
    assert abs(np.median(nearness)) < 0.1


def hold(size: int) -> None:
    """Hold memory for as long as it takes to be seen."""
    block = b"x" * size
    time.sleep(2.0)
    del block


def test_memory_of_a_process_of_its_own_is_seen() -> None:
    assert apart(hold, SIZE).peak_bytes >= SIZE


def test_a_process_that_fails_is_told() -> None:
    with pytest.raises(RuntimeError, match="int failed"):
        apart(int, "no number")
