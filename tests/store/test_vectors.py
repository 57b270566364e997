"""Vectors on disk: codes of 16 and 32 bits, files as FAISS writes them, exact search, damage and a full disk."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest

from ragfactory.errors import DamagedIndexError
from ragfactory.store.vectors import Codec, VectorFile, write_index

DIMENSION = 16
RNG = np.random.default_rng(7)
VECTORS = RNG.standard_normal((100, DIMENSION)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
QUERY = VECTORS[42] + 0.1 * VECTORS[7]
ALL = np.ones(len(VECTORS), dtype=np.bool_)
BF16 = Codec(DIMENSION, "bf16")
FLOAT32 = Codec(DIMENSION, "float32")


def as_bfloat16(vectors: np.ndarray) -> np.ndarray:
    """Rounded to the nearest bfloat16, ties to even: the upper 16 bits of float32."""
    bits = np.ascontiguousarray(vectors).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32)


def kept(codec: Codec) -> np.ndarray:
    """The vectors as the codec keeps them."""
    return VECTORS if codec == FLOAT32 else as_bfloat16(VECTORS)


@pytest.fixture(params=[BF16, FLOAT32], ids=["bf16", "float32"])
def codec(request: pytest.FixtureRequest) -> Codec:
    return request.param


@pytest.fixture
def opened(tmp_path: Path, codec: Codec) -> VectorFile:
    write_index(tmp_path / "vectors.faiss", codec, codec.encode(VECTORS))
    return VectorFile.at(tmp_path / "vectors.faiss", len(VECTORS), codec)


def test_codes_are_what_the_codec_says(codec: Codec) -> None:
    codes = codec.encode(VECTORS)
    assert codes.shape == (100, codec.size)
    assert codes.dtype == np.uint8
    np.testing.assert_allclose(codec.decode(codes), kept(codec), rtol=0 if codec == FLOAT32 else 2**-7)
    upper = VECTORS.view(np.uint16)[:, 1::2].astype(np.int64)
    if codec == BF16:
        assert np.abs(codes.view("<u2").astype(np.int64) - upper).max() <= 1
    else:
        assert codes.tobytes() == VECTORS.tobytes()


def test_codes_become_those_of_another_codec() -> None:
    narrow = BF16.encode(VECTORS)
    assert BF16.convert(narrow, BF16) is narrow
    wide = FLOAT32.convert(narrow, BF16)
    np.testing.assert_array_equal(FLOAT32.decode(wide), BF16.decode(narrow))
    np.testing.assert_array_equal(BF16.convert(wide, FLOAT32), narrow)


@pytest.mark.parametrize("rows", [1, 100])
def test_a_file_is_what_faiss_would_write(tmp_path: Path, codec: Codec, rows: int) -> None:
    index = codec.empty_index()
    index.add(VECTORS[:rows])
    faiss.write_index(index, str(tmp_path / "expected.faiss"))
    codes = codec.encode(VECTORS[:rows])
    (tmp_path / "codes").write_bytes(codes.tobytes())
    for source in (codes, np.memmap(tmp_path / "codes", dtype=np.uint8, mode="r", shape=codes.shape)):
        write_index(tmp_path / "vectors.faiss", codec, source)
        assert (tmp_path / "vectors.faiss").read_bytes() == (tmp_path / "expected.faiss").read_bytes()


def test_codes_come_back_as_written(codec: Codec, opened: VectorFile) -> None:
    rows = np.array([99, 0, 10, 10])
    np.testing.assert_array_equal(opened.gather(rows), codec.encode(VECTORS)[rows])
    assert opened.gather(rows[:0]).shape == (0, codec.size)


def test_search_is_exact_over_the_rows_that_count(codec: Codec, opened: VectorFile) -> None:
    live = RNG.random(len(VECTORS)) < 0.5
    live[42] = False
    scores, rows = opened.search(QUERY, 10, live)
    expected = codec.decode(codec.encode(VECTORS)) @ QUERY
    best = sorted(np.flatnonzero(live), key=lambda row: -expected[row])[:10]
    assert rows.tolist() == best
    np.testing.assert_allclose(scores, expected[rows], atol=1e-6)
    np.testing.assert_allclose(opened.scores(QUERY, rows), scores, atol=1e-6)


def test_no_more_than_the_live_rows_come_out(opened: VectorFile) -> None:
    few = np.zeros_like(ALL)
    few[[3, 99]] = True
    assert sorted(opened.search(QUERY, 10, few)[1].tolist()) == [3, 99]
    assert [len(part) for part in opened.search(QUERY, 10, np.zeros_like(ALL))] == [0, 0]
    assert len(opened.search(QUERY, 1000, ALL)[1]) == 100
    assert opened.scores(QUERY, np.array([], dtype=np.int64)).shape == (0,)


def test_an_open_file_is_read_after_its_removal(tmp_path: Path, opened: VectorFile) -> None:
    (tmp_path / "vectors.faiss").unlink()
    assert opened.search(QUERY, 1, ALL)[1].tolist() == [42]


def test_a_file_that_is_no_such_index_is_damage(tmp_path: Path, codec: Codec) -> None:
    path = tmp_path / "vectors.faiss"
    write_index(path, codec, codec.encode(VECTORS))
    with pytest.raises(DamagedIndexError, match="99 vectors expected, found 100"):
        VectorFile.at(path, 99, codec).open()
    with pytest.raises(DamagedIndexError, match="vectors of 8 numbers expected, found 16"):
        VectorFile.at(path, 100, Codec(8, codec.precision)).open()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedIndexError, match=r"vectors\.faiss"):
        VectorFile.at(path, 100, codec).open()
    path.write_bytes(b"no index at all, but long enough to be read as one" * 10)
    with pytest.raises(DamagedIndexError, match=r"vectors\.faiss"):
        VectorFile.at(path, 100, codec).open()


@pytest.mark.parametrize("rows", [1, 100, 10_000])
def test_a_full_disk_is_noticed_however_little_is_written(codec: Codec, rows: int) -> None:
    with pytest.raises(OSError, match="No space left"):
        write_index(Path("/dev/full"), codec, np.zeros((rows, codec.size), dtype=np.uint8))
