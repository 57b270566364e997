"""Any sequence of runs, finished or not, against a plain dictionary of what the index should hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ragfactory.store.vectors import Codec
from tests.store.conftest import (
    DIMENSION,
    RECIPE,
    ROOTS,
    Shelf,
    add,
    chunk_key,
    contents,
    found_by_words,
    identity,
    live_rows,
    nearest,
    quick_folder,
    vector_key,
    vector_of,
)

CODEC = Codec(DIMENSION, "bf16")
TEXTS = ["omzet", "kosten", "gebouw", "wind en zon", "zon", "Garantie: 10 jaar", "é"]
PATHS = ["a.txt", "b.txt", "map/c.txt", "map/d.txt"]
Documents = dict[str, list[str]]


@dataclass(frozen=True)
class Run:
    """What a run does to documents (None takes one out), which of them fail, and how it ends."""

    changes: dict[str, list[str] | None]
    failing: frozenset[str]
    end: str


texts = st.lists(st.sampled_from(TEXTS), max_size=5)
first_runs = st.builds(
    Run,
    changes=st.fixed_dictionaries(dict.fromkeys(PATHS, texts)),
    failing=st.just(frozenset()),
    end=st.just("publish"),
)
runs = st.builds(
    Run,
    changes=st.dictionaries(st.sampled_from(PATHS), st.none() | texts, min_size=1, max_size=2),
    failing=st.frozensets(st.sampled_from(PATHS), max_size=1),
    end=st.sampled_from(["publish", "publish", "publish", "close"]),
)


@settings(max_examples=30)
@given(first_runs, st.lists(runs, min_size=1, max_size=12))
def test_a_version_holds_what_its_runs_put_in(first: Run, more: list[Run]) -> None:
    with quick_folder() as home:
        shelf = Shelf.at(home)
        expected: Documents = {}
        failed = False
        for run in (first, *more):
            outcome = execute(shelf, run, expected)
            if run.end == "publish":
                expected = outcome
                failed |= bool(run.failing)
                check(shelf, expected, once=not failed)


def execute(shelf: Shelf, run: Run, stored: Documents) -> Documents:
    """Do a run, and return what the index holds if it was published. Documents that lean on changed ones are made anew too."""
    changes = leaning(shelf, set(run.changes), stored) | run.changes
    after = dict(stored)
    with shelf.builder(changes) as builder:
        for path, texts in sorted(changes.items()):
            if path in run.failing:
                continue
            if texts is not None:
                add(builder, path, texts)
                after[path] = texts
        for path, texts in changes.items():
            if texts is None and path not in run.failing:
                builder.remove(identity(path))
                after.pop(path, None)
        if run.end == "publish":
            builder.publish(RECIPE, ROOTS)
    return after


def leaning(shelf: Shelf, changed: set[str], stored: Documents) -> dict[str, list[str] | None]:
    """The documents that share rows of changed ones, and those that share rows of those."""
    found: set[str] = set()
    if shelf.paths.current_number() is None:
        return {}
    with shelf.open() as version:
        going = changed & stored.keys()
        while going:
            holders = {
                holder.document.path
                for name in going
                for first, count in version.documents[identity(name)].rows
                for row in range(first, first + count)
                for holder in version.sharers(row)
            }
            going = holders - changed - found
            found |= going
    return {path: stored[path] for path in found}


def check(shelf: Shelf, expected: Documents, *, once: bool) -> None:
    with shelf.open() as version:
        assert contents(version) == expected
        texts = {text for document in expected.values() for text in document}
        rows = live_rows(version)
        assert version.manifest.chunks == len(rows)
        assert version.manifest.places == sum(map(len, expected.values()))
        stored = [version.segments[number].chunk(row).text for number, row in rows]
        assert set(stored) == texts
        assert len(stored) == len(texts) or not once
        for (number, row), text in zip(rows, stored, strict=True):
            segment = version.segments[number]
            assert segment.chunk_keys[row].tobytes() == chunk_key(text)
            assert segment.vector_keys[row].tobytes() == vector_key(text)
            expected_codes = CODEC.encode(vector_of(text)[np.newaxis])
            np.testing.assert_array_equal(segment.vectors.gather(np.array([row])), expected_codes)
        for text in TEXTS:
            found = found_by_words(version, text, k=50)
            assert (text in found) == (text in texts)
            assert set(found) <= texts
            if text in texts:
                assert nearest(version, text) == text
