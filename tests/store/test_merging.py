"""Merging segments: which are due, and that nothing but the room they take changes."""

from __future__ import annotations

import errno
import threading
from threading import Event

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragfactory.profiles import Index
from ragfactory.store import merging, publish
from ragfactory.store.merging import MAX_DELETED, MAX_SEGMENTS, MergeStoppedError, merge, plan_merge
from ragfactory.store.records import SegmentEntry
from ragfactory.store.vectors import Codec
from tests.store.conftest import (
    DIMENSION,
    Shelf,
    contents,
    found_by_words,
    identity,
    live_rows,
    nearest,
    vector_of,
)


def entries(*sizes: tuple[int, int]) -> list[SegmentEntry]:
    return [SegmentEntry(number=n, rows=rows, deleted=deleted) for n, (rows, deleted) in enumerate(sizes, start=1)]


def test_a_few_full_segments_are_left_alone() -> None:
    assert plan_merge(entries(*[(100, 20)] * MAX_SEGMENTS)) == set()


def test_a_segment_with_more_than_a_fifth_deleted_is_due() -> None:
    assert plan_merge(entries((100, 0), (100, 21), (100, 20))) == {2}


def test_of_too_many_the_smallest_are_due_and_the_large_one_stays() -> None:
    assert plan_merge(entries((100_000, 0), *[(10, 0)] * MAX_SEGMENTS)) == set(range(2, MAX_SEGMENTS + 2))
    assert plan_merge(entries(*[(4**n, 0) for n in range(9)])) == {1, 2}


sizes = st.integers(1, 10_000).flatmap(lambda rows: st.tuples(st.just(rows), st.integers(0, rows)))


@given(st.lists(sizes, max_size=40))
def test_what_is_left_is_few_and_full(segments: list[tuple[int, int]]) -> None:
    listed = entries(*segments)
    due = plan_merge(listed)
    left = [entry for entry in listed if entry.number not in due]
    assert len(left) + bool(due) <= MAX_SEGMENTS
    assert all(entry.deleted <= MAX_DELETED * entry.rows for entry in left)


def rows_moved(live: dict[int, int], added: list[int]) -> int:
    """How many rows are moved when segments of `added` rows come to those of `live` rows, by number, one a publish."""
    moved = 0
    for number, rows in enumerate(added, start=1000):
        due = plan_merge([SegmentEntry(number=n, rows=size, deleted=0) for n, size in live.items()])
        if due:
            moved += (together := sum(live.pop(n) for n in due))
            live[-number] = together
        live[number] = rows
    return moved


@given(st.lists(st.integers(1, 50), min_size=1, max_size=120))
def test_a_row_is_moved_about_as_often_as_the_index_doubles(added: list[int]) -> None:
    assert rows_moved({}, added) <= sum(added) * (np.log2(sum(added)) + 1)


def test_what_a_large_ingest_left_over_is_not_moved_at_every_publish() -> None:
    ingested = dict(enumerate([131_072] * (MAX_SEGMENTS - 1) + [82_496]))
    assert rows_moved(ingested, [100] * 365) < 2 * 1_000_000


def grown(shelf: Shelf, versions: int) -> dict[str, list[str]]:
    """An index of so many publishes, each of a document of two chunks, one of which the first document has too."""
    documents = {f"{n:02d}.txt": [f"tekst nummer{n}", "overal gelijk"] for n in range(versions)}
    for path, texts in documents.items():
        shelf.publish({path: texts})
    return documents


def test_many_publishes_leave_few_segments_and_every_row_keeps_its_id(shelf: Shelf) -> None:
    documents = grown(shelf, 12)
    with shelf.open(9) as before, shelf.open() as after:
        assert len(after.segments) <= MAX_SEGMENTS
        assert len(before.segments) == 9
        assert contents(after) == documents
        for row_id in range(before.manifest.next_row):
            old, new = before.locate(row_id), after.locate(row_id)
            assert before.segments[old[0]].chunk(old[1]) == after.segments[new[0]].chunk(new[1])
        for segment in after.segments.values():
            assert (np.diff(segment.ids.astype(np.int64)) > 0).all()
        for texts in documents.values():
            assert nearest(after, texts[0]) == texts[0]
            assert texts[0] in found_by_words(after, texts[0].split()[1])
        assert len(after.sharers(1)) == 11


def test_no_vector_is_made_again_and_pages_and_keys_move_along(shelf: Shelf) -> None:
    grown(shelf, 12)
    with shelf.open() as version:
        for number, row in live_rows(version):
            segment = version.segments[number]
            text = segment.chunk(row).text
            codec = Codec(DIMENSION, "bf16")
            expected = codec.encode(vector_of(text)[np.newaxis])
            np.testing.assert_array_equal(segment.vectors.gather(np.array([row])), expected)
            assert segment.pages[row] == segment.chunk(row).place.page
    with shelf.builder() as builder:
        assert builder.has_vector(segment.vector_keys[row].tobytes())


def test_deleted_rows_are_gone_after_the_next_publish(shelf: Shelf) -> None:
    documents = {f"{n}.txt": [f"tekst{n}"] for n in range(10)}
    shelf.publish(documents)
    shelf.publish({f"{n}.txt": None for n in range(3)})
    manifest = shelf.publish({"nieuw.txt": ["nieuw"]})
    assert [(entry.rows, entry.deleted) for entry in manifest.segments] == [(7, 0), (1, 0)]
    with shelf.open() as version:
        assert contents(version) == {f"{n}.txt": [f"tekst{n}"] for n in range(3, 10)} | {"nieuw.txt": ["nieuw"]}
        with pytest.raises(KeyError):
            version.locate(0)


def test_rows_that_go_while_they_are_merged_do_not_count(shelf: Shelf) -> None:
    shelf.publish({f"{n}.txt": [f"tekst{n}"] for n in range(10)})
    shelf.publish({f"{n}.txt": None for n in range(3)})
    manifest = shelf.publish({"3.txt": None, "4.txt": ["anders"]})
    assert [(entry.rows, entry.deleted) for entry in manifest.segments] == [(7, 2), (1, 0)]
    with shelf.open() as version:
        assert found_by_words(version, "tekst3") == found_by_words(version, "tekst4") == []
        assert version.documents[identity("5.txt")].chunks == 1


def test_a_segment_of_16_bits_becomes_one_of_32_when_it_is_merged(shelf: Shelf) -> None:
    shelf.publish({f"{n}.txt": [f"tekst{n}"] for n in range(4)})
    shelf.publish({"0.txt": None})
    manifest = shelf.publish({"1.txt": ["anders"]}, options=Index(kind="flat"))
    assert {entry.precision for entry in manifest.segments} == {"float32"}
    assert manifest.vector_index == "flat"
    with shelf.open() as version:
        assert nearest(version, "tekst3") == "tekst3"
        assert nearest(version, "anders") == "anders"


def test_blocks_are_put_together_in_order(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_BLOCK", 2)
    documents = {f"{n}.txt": [f"tekst{n} deel{i}" for i in range(7)] for n in range(3)}
    for path, texts in documents.items():
        shelf.publish({path: texts})
    shelf.publish({"0.txt": documents["0.txt"][2:5], "1.txt": None})
    shelf.publish({"nog.txt": ["nog een"]})
    with shelf.open() as version:
        assert contents(version) == {
            "0.txt": documents["0.txt"][2:5],
            "2.txt": documents["2.txt"],
            "nog.txt": ["nog een"],
        }


def test_a_merge_that_is_not_needed_any_more_stops(shelf: Shelf) -> None:
    shelf.publish({"a.txt": ["een", "twee"]})
    stopped = Event()
    stopped.set()
    with shelf.open() as version, pytest.raises(MergeStoppedError):
        merge(list(version.segments.values()), shelf.paths.root, 9, Codec(DIMENSION, "bf16"), stopped)


def test_no_merge_begins_where_the_full_text_index_cannot_be_written(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.publish({f"{n}.txt": [f"tekst{n}"] for n in range(10)})
    shelf.publish({f"{n}.txt": None for n in range(3)})

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(publish, "LexicalWriter", refuse)
    with pytest.raises(OSError, match="No space") as caught, shelf.builder():
        pass
    merging_now = [thread for thread in threading.enumerate() if thread.name.startswith("merge")]
    assert merging_now == [], f"while {caught.value} is told"
