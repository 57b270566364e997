"""Spreading over documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.retrieval.diverse import spread, wide

if TYPE_CHECKING:
    from ragfactory.retrieval.search import Searcher


def test_no_document_comes_twice_before_each_came_once(archive: Searcher) -> None:
    hits = archive.search("pump revenue in the north and the south", top_k=20).hits
    plain = [hit.at.doc_id for hit in hits]
    assert plain[:2] == ["reports/2023.pdf"] * 2
    spread_out = [hit.at.doc_id for hit in spread(hits, 20)]
    documents = list(dict.fromkeys(plain))
    assert spread_out[: len(documents)] == documents
    assert sorted(spread_out) == sorted(plain)
    assert spread(hits, 1) == hits[:1]


def test_within_a_round_the_best_comes_first(archive: Searcher) -> None:
    hits = archive.search("pump revenue", top_k=20).hits
    documents = len({hit.at.doc_id for hit in hits})
    first_round = [hit.score for hit in spread(hits, documents)]
    assert first_round == sorted(first_round, reverse=True)


def test_more_is_found_than_is_shown_but_never_too_much() -> None:
    assert (wide(5), wide(1000)) == (50, 1000)
