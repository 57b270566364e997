"""A segment: line i, keys i and vector i belong together; and rows found by key over several segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragfactory.errors import DamagedIndexError
from ragfactory.store.keytable import KeyTable
from ragfactory.store.records import ChunkRecord, Place, SegmentEntry
from ragfactory.store.segment import Segment, chunks_name, deleted_name, find_row
from ragfactory.store.segment_writer import SegmentWriter
from ragfactory.store.vectors import Codec
from tests.store.conftest import DIMENSION, chunk_key, vector_key, vector_of

if TYPE_CHECKING:
    from pathlib import Path

CODEC = Codec(DIMENSION, "bf16")
TEXTS = ["eerste", "tweede\nregel", "üñí \u2028 – 中文", "", "x" * 50_000]


def record(n: int, text: str) -> ChunkRecord:
    place = Place(n=n, start=n, end=n + len(text), page=3, headings=("Balans", "Activa"))
    return ChunkRecord(root="/d", path="a.pdf", place=place, text=text, context="c", language="nl", strategy="default")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    writer = SegmentWriter(tmp_path, 3, CODEC)
    for n, text in enumerate(TEXTS):
        writer.append(70 + 2 * n, record(n, text), chunk_key(text), vector_key(text))
    codes = {vector_key(text): CODEC.encode(vector_of(text)[np.newaxis])[0] for text in TEXTS}
    writer.seal(codes.__getitem__)
    return tmp_path


def test_line_keys_and_vector_of_a_row_belong_together(folder: Path) -> None:
    segment = Segment(folder, SegmentEntry(number=3, rows=len(TEXTS), deleted=0), DIMENSION)
    assert len(segment) == len(TEXTS)
    assert segment.live.all()
    for n, text in reversed(list(enumerate(TEXTS))):
        assert segment.chunk(n) == record(n, text)
        assert segment.chunk_keys[n].tobytes() == chunk_key(text)
        assert segment.vector_keys[n].tobytes() == vector_key(text)
        np.testing.assert_array_equal(segment.vectors.gather(np.array([n])), CODEC.encode(vector_of(text)[np.newaxis]))
        assert (segment.ids[n], segment.pages[n], segment.page_ends[n]) == (70 + 2 * n, 3, 0)
        assert find_row({3: segment}, 70 + 2 * n) == (3, n)
    with pytest.raises(KeyError):
        find_row({3: segment}, 71)
    segment.close()


def test_deleted_rows_do_not_count(folder: Path) -> None:
    np.save(folder / deleted_name(3), np.array([1, 4], dtype="<u4"))
    segment = Segment(folder, SegmentEntry(number=3, rows=len(TEXTS), deleted=2), DIMENSION)
    assert segment.live.tolist() == [True, False, True, True, False]
    segment.close()


def test_a_segment_of_other_length_is_damage(folder: Path) -> None:
    segment = Segment(folder, SegmentEntry(number=3, rows=6, deleted=0), DIMENSION)
    with pytest.raises(DamagedIndexError, match="6 vectors expected, found 5"):
        segment.vectors.open()


def test_an_unfinished_segment_can_be_closed(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, 1, CODEC)
    writer.append(0, record(0, "tekst"), chunk_key("tekst"), vector_key("tekst"))
    writer.close()
    assert (tmp_path / chunks_name(1)).exists()


def keys(*values: bytes) -> np.ndarray:
    return np.array([np.void(value) for value in values], dtype="V32")


def ids(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint64)


def test_a_key_is_found_in_its_first_row_that_may_be_found() -> None:
    a, b, c = (bytes([n]) * 32 for n in (1, 2, 3))
    table = KeyTable(
        [
            (ids(5, 6, 7), keys(a, b, a), np.array([False, True, True])),
            (ids(20, 30, 40), keys(c, a, b), np.array([False, True, True])),
        ]
    )
    assert table.find(a) == 7
    assert table.find(b) == 6
    assert table.find(c) is None
    assert table.find(bytes(32)) is table.find(b"\xff" * 32) is None


def test_keys_that_begin_or_end_alike_are_told_apart() -> None:
    head = b"12345678"
    values = [head + bytes(24), head + b"\0" * 23 + b"\1", head + b"\xff" * 24, bytes(31) + b"\1", bytes(32)]
    table = KeyTable([(ids(*range(9, 14)), keys(*values), np.ones(len(values), dtype=np.bool_))])
    assert [table.find(value) for value in values] == list(range(9, 14))
    assert table.find(head + b"\1" * 24) is None


def test_a_table_of_nothing_finds_nothing() -> None:
    assert KeyTable([]).find(bytes(32)) is None
    assert KeyTable([(ids(1), keys(bytes(32)), np.array([False]))]).find(bytes(32)) is None
