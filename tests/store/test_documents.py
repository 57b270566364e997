"""Files of documents: what a publish writes grows with the change, and what they come to is the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ragfactory.store.documents import MAX_OUTDATED, plan_documents
from tests.store.conftest import Shelf, contents, quick_folder

PATHS = [f"{n}.txt" for n in range(6)]


def test_a_small_change_links_the_long_file_and_adds_a_short_one(shelf: Shelf) -> None:
    shelf.publish({f"{n:03d}.txt": [f"tekst{n}"] for n in range(100)})
    manifest = shelf.publish({"007.txt": ["anders"], "008.txt": None})
    assert manifest.document_lines == (100, 2)
    first, second = (shelf.paths.version(n) for n in (1, 2))
    assert (first / "documents-0001.jsonl").samefile(second / "documents-0001.jsonl")
    assert len((second / "documents-0002.jsonl").read_bytes().splitlines()) == 2
    with shelf.open() as version:
        assert len(version.documents) == 99
        assert contents(version)["007.txt"] == ["anders"]


def test_short_files_are_joined_and_a_document_that_comes_back_is_there(shelf: Shelf) -> None:
    shelf.publish({f"{n:03d}.txt": [f"tekst{n}"] for n in range(100)})
    shelf.publish({"007.txt": None})
    assert shelf.publish({"007.txt": ["terug"]}).document_lines == (100, 1)
    assert shelf.publish({"008.txt": None, "200.txt": ["nieuw"]}).document_lines == (100, 3)
    with shelf.open() as version:
        assert len(version.documents) == 100
        assert contents(version)["007.txt"] == ["terug"]


def test_outdated_lines_are_left_behind(shelf: Shelf) -> None:
    shelf.publish({f"{n}.txt": [f"tekst{n}"] for n in range(20)})
    assert shelf.publish({"0.txt": None}).document_lines == (20, 1)
    assert shelf.publish({"1.txt": None, "2.txt": None}).document_lines == (17,)


changes = st.dictionaries(st.sampled_from(PATHS), st.none() | st.lists(st.sampled_from("abc"), max_size=2))


@settings(max_examples=30)
@given(st.lists(changes, max_size=8))
def test_any_changes_come_to_what_they_say(runs: list[dict[str, list[str] | None]]) -> None:
    with quick_folder() as home:
        shelf = Shelf.at(home)
        expected: dict[str, int] = {}
        for run in runs:
            shelf.publish(run)
            for path, texts in run.items():
                if texts is None:
                    expected.pop(path, None)
                else:
                    expected[path] = len(texts)
            with shelf.open() as version:
                assert {path: document.chunks for (_, path), document in version.documents.items()} == expected


@given(st.lists(st.integers(1, 300), min_size=1, max_size=80))
def test_a_line_is_written_about_as_often_as_the_index_doubles(added: list[int]) -> None:
    lines: list[int] = []
    written = documents = 0
    for changed in added:
        documents += changed
        kept = plan_documents(lines, changed, documents)
        new = changed + sum(lines[kept:])
        written += new
        lines = [*lines[:kept], new]
        assert sum(lines) <= documents * (1 + MAX_OUTDATED)
        assert len(lines) <= np.log2(documents) + 1
    assert written <= documents * (np.log2(documents) + 1)
