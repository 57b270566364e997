"""What stands around a passage: neighbours, section and table, in one text without repetition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import UsageError
from ragfactory.retrieval.results import Mode
from ragfactory.retrieval.search import Searcher
from ragfactory.retrieval.surroundings import parse_reach, surroundings
from tests.conftest import Workplace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.retrieval.surroundings import Reach, Surroundings

PROFILE = """
[chunk]
strategy = "table_aware"
size = 160
overlap = 20
"""
TREES = ("oak", "elm", "ash", "fir", "yew", "lime", "pine", "plum", "pear", "palm", "cedar", "birch")
SENTENCES = [f"The {tree} in the northern garden was planted long before the house was built." for tree in TREES]
ROWS = "\n".join(f"| {tree} | {n} metres | {n * 3} years |" for n, tree in enumerate(TREES, start=5))
DOCUMENT = f"""# Estate

## Planting

{" ".join(SENTENCES[:6])}

## Felling

{" ".join(SENTENCES[6:])} {" ".join(SENTENCES[:1])}

## Measures

| tree | height | age |
|---|---|---|
{ROWS}

## Colophon

Printed by hand.
"""


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory, minilm_loaded_once: None) -> Iterator[Searcher]:
    with pytest.MonkeyPatch.context() as patch:
        place = Workplace(tmp_path_factory.mktemp("estate"))
        patch.chdir(place.path)
        (place.path / "profiles").mkdir()
        (place.path / "profiles" / "kort.toml").write_text(PROFILE)
        place.write("estate.md", DOCUMENT)
        place.write("twin.md", f"# Twin\n\n{SENTENCES[0]}\n\nIts twin died.\n")
        assert not place.ingest(profile="kort").failed
        with Searcher.open(place.config) as searcher:
            yield searcher


def around(searcher: Searcher, query: str, reach: Reach) -> tuple[str, Surroundings]:
    """The best passage for some words, and what stands around it."""
    hit = searcher.search(query, mode=Mode.TEXT, top_k=1).hits[0]
    return hit.at.chunk_id, surroundings(searcher.version(hit.index), hit.at, reach)


def test_neighbours_are_joined_without_what_they_share(estate: Searcher) -> None:
    own, found = around(estate, "the fir in the northern garden planted", 1)
    assert len(found.chunk_ids) == 3
    assert found.chunk_ids[1] == own
    assert found.text in DOCUMENT


def test_neighbours_end_where_the_document_does(estate: Searcher) -> None:
    own, found = around(estate, "colophon printed by hand", 50)
    assert found.chunk_ids[-1] == own
    assert found.chunk_ids[0] == "estate.md#c0000"
    assert all(sentence in found.text for sentence in SENTENCES)


def test_a_section_ends_where_its_headings_do(estate: Searcher) -> None:
    _, found = around(estate, "the fir in the northern garden planted", "section")
    assert all(found.text.count(sentence) == 1 for sentence in SENTENCES[:6])
    assert not any(sentence in found.text for sentence in SENTENCES[7:])  # its last passage runs on


def test_a_table_that_was_cut_is_whole_again_and_has_its_heads_once(estate: Searcher) -> None:
    own, found = around(estate, "birch metres years", "table")
    assert len(found.chunk_ids) > 1
    assert own in found.chunk_ids
    assert [line.split(" |")[0] for line in found.text.splitlines() if "metres" in line] == list(TREES)
    assert found.text.count("height") == 1
    assert "Printed by hand" not in found.text


def test_what_is_no_table_stays_alone(estate: Searcher) -> None:
    own, found = around(estate, "the fir in the northern garden planted", "table")
    assert found.chunk_ids == (own,)


def test_pages_are_those_of_all_that_is_given(archive: Searcher) -> None:
    hit = archive.search("revenue fell in the south", mode=Mode.TEXT, top_k=1).hits[0]
    found = surroundings(archive.version(hit.index), hit.at, 1)
    assert (found.page, found.page_end) == (1, 12)
    assert found.chunk_ids[-1] == "reports/2023.pdf#c0002"


def test_a_passage_that_is_stored_for_another_document_counts_here_too(archive: Searcher) -> None:
    hit = archive.search("revenue doubled", mode=Mode.TEXT, top_k=1).hits[0]
    found = surroundings(archive.version(hit.index), hit.at, 2)
    assert found.chunk_ids == tuple(f"reports/2024.PDF#c000{n}" for n in range(3))
    assert (found.page, found.page_end) == (2, 30)


@pytest.mark.parametrize("wrong", ["0", "51", "-1", "chapter", "", "99999999999", "²"])
def test_a_reach_that_means_nothing_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="section or table expected"):
        parse_reach(wrong)


def test_what_a_reach_may_be() -> None:
    assert [parse_reach(text) for text in ("1", "50", "section", "table")] == [1, 50, "section", "table"]
