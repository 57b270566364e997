"""Vectors on disk: 16-bit codes, exact search over the rows that count, damage and a full disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragfactory.errors import DamagedIndexError
from ragfactory.store.vectors import VectorFile, encode, write_index

DIMENSION = 16
RNG = np.random.default_rng(7)
VECTORS = RNG.standard_normal((100, DIMENSION)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
QUERY = VECTORS[42] + 0.1 * VECTORS[7]
ALL = np.ones(len(VECTORS), dtype=np.bool_)


def as_bfloat16(vectors: np.ndarray) -> np.ndarray:
    """Rounded to the nearest bfloat16, ties to even: the upper 16 bits of float32."""
    bits = np.ascontiguousarray(vectors).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32)


@pytest.fixture
def opened(tmp_path: Path) -> VectorFile:
    write_index(tmp_path / "vectors.faiss", encode(VECTORS))
    return VectorFile(tmp_path / "vectors.faiss", len(VECTORS))


def test_codes_are_bfloat16_and_come_back_as_written(opened: VectorFile) -> None:
    codes = encode(VECTORS)
    assert codes.shape == (100, 2 * DIMENSION)
    assert codes.dtype == np.uint8
    upper = np.ascontiguousarray(codes).view("<u2").astype(np.uint32) << 16
    np.testing.assert_allclose(upper.view(np.float32), as_bfloat16(VECTORS), rtol=2**-7)
    np.testing.assert_array_equal(opened.codes(10, 5), codes[10:15])


def test_search_is_exact_over_the_rows_that_count(opened: VectorFile) -> None:
    live = RNG.random(len(VECTORS)) < 0.5
    live[42] = False
    scores, rows = opened.search(QUERY, 10, live)
    expected = as_bfloat16(VECTORS) @ QUERY
    best = sorted(np.flatnonzero(live), key=lambda row: -expected[row])[:10]
    assert rows.tolist() == best
    np.testing.assert_allclose(scores, expected[rows], atol=1e-2)
    np.testing.assert_allclose(opened.scores(QUERY, rows), scores, atol=1e-6)


def test_no_more_than_the_live_rows_come_out(opened: VectorFile) -> None:
    few = np.zeros_like(ALL)
    few[[3, 99]] = True
    assert sorted(opened.search(QUERY, 10, few)[1].tolist()) == [3, 99]
    assert len(opened.search(QUERY, 10, np.zeros_like(ALL))[1]) == 0
    assert len(opened.search(QUERY, 1000, ALL)[1]) == 100
    assert opened.scores(QUERY, np.array([], dtype=np.int64)).shape == (0,)


def test_an_open_file_is_read_after_its_removal(tmp_path: Path, opened: VectorFile) -> None:
    (tmp_path / "vectors.faiss").unlink()
    assert opened.search(QUERY, 1, ALL)[1].tolist() == [42]


def test_a_file_that_is_no_index_or_has_other_rows_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "vectors.faiss"
    write_index(path, encode(VECTORS))
    with pytest.raises(DamagedIndexError, match="99 vectors expected, found 100"):
        VectorFile(path, 99)
    path.write_bytes(b"no index at all, but long enough to be read as one" * 10)
    with pytest.raises(DamagedIndexError, match=r"vectors\.faiss"):
        VectorFile(path, 100)


@pytest.mark.parametrize("rows", [1, 100, 10_000])
def test_a_full_disk_is_noticed_however_little_is_written(rows: int) -> None:
    with pytest.raises(OSError, match="No space left"):
        write_index(Path("/dev/full"), np.zeros((rows, 2 * DIMENSION), dtype=np.uint8))
