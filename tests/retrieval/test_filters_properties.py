"""A filtered search is what is left of the whole search when all that does not fit is taken out."""

from __future__ import annotations

from fnmatch import fnmatchcase
from operator import eq, ge, gt, le, lt
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragfactory.retrieval.filters import Condition
from ragfactory.retrieval.results import Mode
from tests.retrieval.conftest import PAPERS

if TYPE_CHECKING:
    from ragfactory.retrieval.places import PlaceInDocument
    from ragfactory.retrieval.results import Hit
    from ragfactory.retrieval.search import Searcher

COMPARISONS = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}
VALUES = {
    "year": ["2022", "2023", "2024"],
    "page": ["1", "2", "3.5", "12", "30"],
    "n": ["0", "1", "2"],
    "author": ["Anna", "Bob", "C*"],
    "path": ["*.pdf", "notes/*", "notes/empty.md"],
    "headings": ["Results", "Imprint", "*o*"],
    "language": ["en", "fr", "?r"],
    "modified": ["2024", "2023-12-31", "2024-*"],
    "draft": ["true", "false"],
}

conditions = st.sampled_from(sorted(VALUES)).flatmap(
    lambda key: st.builds(
        Condition, st.just(key), st.sampled_from([*COMPARISONS, "!=", "~", "!~"]), st.sampled_from(VALUES[key])
    )
)


PAPER = {paper.path: paper for paper in PAPERS}


def values_of(key: str, hit: Hit, at: PlaceInDocument) -> list[Any]:
    """What the archive was made with."""
    paper, place = PAPER[at.doc_id], at.place
    passage = paper.passages[place.n]
    known = {
        "year": paper.metadata.get("years", []),
        "page": range(passage.page, passage.page_end + 1) if passage.page and passage.page_end else [],
        "n": [place.n],
        "author": [paper.metadata[key]] if key in paper.metadata else [],
        "path": [paper.path],
        "headings": passage.headings,
        "language": [hit.chunk.language],
        "modified": [paper.modified],
        "draft": ["true"] if "draft" in paper.metadata else [],
    }
    return list(known[key])


def holds(condition: Condition, values: list[Any]) -> bool:
    if condition.operator == "!=":
        return not holds(Condition(condition.key, "=", condition.value), values)
    if condition.operator == "!~":
        return not holds(Condition(condition.key, "~", condition.value), values)
    if condition.operator == "~":
        return any(fnmatchcase(str(value).lower(), condition.value.lower()) for value in values)
    compare = COMPARISONS[condition.operator]
    return any(compare(v, float(condition.value) if isinstance(v, int) else condition.value) for v in values)


def fits(hit: Hit, at: PlaceInDocument, asked: list[Condition]) -> bool:
    return all(holds(condition, values_of(condition.key, hit, at)) for condition in asked)


@settings(max_examples=150)
@given(
    asked=st.lists(conditions, min_size=1, max_size=3),
    query=st.sampled_from(["pump revenue", "copyright", "valve", "zygote"]),
    mode=st.sampled_from([Mode.TEXT, Mode.DENSE]),
    top_k=st.sampled_from([1, 2, 100]),
)
def test_a_filtered_search_is_the_whole_search_less_what_does_not_fit(
    archive: Searcher, asked: list[Condition], query: str, mode: Mode, top_k: int
) -> None:
    everything = archive.search(query, mode=mode, top_k=100).hits
    left = [hit for hit in everything if any(fits(hit, at, asked) for at in (hit.at, *hit.others))]
    found = archive.search(query, mode=mode, top_k=top_k, filters=asked).hits
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in left[:top_k]], abs=1e-6)
    assert {hit.chunk_hash for hit in found} <= {hit.chunk_hash for hit in left}
    for hit in found:
        assert fits(hit, hit.at, asked)
        (whole,) = (other for other in left if other.chunk_hash == hit.chunk_hash)
        places = {(at.doc_id, at.place.n) for at in (hit.at, *hit.others)}
        assert places == {(at.doc_id, at.place.n) for at in (whole.at, *whole.others)}
