"""Reranking as a stage of a search: its order and its scores, where it applies, and that it is left out only with a word."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from ragfactory.embedding import locate
from ragfactory.errors import ModelUnavailableError
from ragfactory.retrieval.results import Mode
from ragfactory.retrieval.search import Searcher
from tests.tiny_reranker import SPEC

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Workplace

QUERY = "cellar"


@contextmanager
def machine_with_reranker(workplace: Workplace, model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Searcher]:
    monkeypatch.setattr(locate, "BGE_RERANKER_V2_M3", SPEC)
    folder = workplace.config.models / SPEC.name
    folder.parent.mkdir(exist_ok=True)
    folder.symlink_to(model)
    with Searcher.open(workplace.config) as searcher:
        yield searcher
    folder.unlink()


@pytest.fixture
def reranking(library: Workplace, tiny_reranker: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Searcher]:
    """The library, on a machine that has a reranker."""
    with machine_with_reranker(library, tiny_reranker, monkeypatch) as searcher:
        yield searcher


def test_the_order_and_the_score_are_the_rerankers(reranking: Searcher) -> None:
    result = reranking.search(QUERY, top_k=50)
    assert result.notes == ()
    assert "rerank" in result.timings_ms
    scores = [hit.rerank for hit in result.hits]
    assert None not in scores
    assert scores == sorted(scores, reverse=True)
    assert [hit.score for hit in result.hits] == scores
    assert len(set(scores)) > 1
    assert all(hit.fused is not None for hit in result.hits)
    before = reranking.search(QUERY, top_k=50, rerank=False)
    assert [hit.chunk_hash for hit in before.hits] != [hit.chunk_hash for hit in result.hits]
    assert {hit.chunk_hash for hit in before.hits} == {hit.chunk_hash for hit in result.hits}
    assert {hit.rerank for hit in before.hits} == {None}


def test_only_the_best_candidates_are_read_again(reranking: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    before = reranking.search(QUERY, top_k=50, rerank=False).hits
    for name, retrieve in reranking._retrieve.items():
        monkeypatch.setitem(reranking._retrieve, name, retrieve.model_copy(update={"rerank_depth": 2}))
    hits = reranking.search(QUERY, top_k=50).hits
    assert [hit.rerank is not None for hit in hits] == [True, True, *[False] * (len(hits) - 2)]
    assert {hit.chunk_hash for hit in hits[:2]} == {hit.chunk_hash for hit in before[:2]}
    assert [hit.chunk_hash for hit in hits[2:]] == [hit.chunk_hash for hit in before[2:]]


def test_what_is_said_twice_is_read_once(
    workplace: Workplace, tiny_reranker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clause = "The cellar is let with all that is in it, for as long as the tenant pays what is agreed on the first of a month."
    for n in range(4):
        workplace.write(f"{n}.txt", clause + " Thank you." * n)
    workplace.write("other.txt", "The weather was fine.")
    workplace.ingest()
    with machine_with_reranker(workplace, tiny_reranker, monkeypatch) as searcher:
        ((name, own),) = searcher.retrieve.items()
        monkeypatch.setitem(searcher._retrieve, name, own.model_copy(update={"rerank_depth": 2}))
        hits = searcher.search("for how long is the cellar let").hits
    assert len(hits) == 2
    assert sorted(hit.near_duplicates for hit in hits) == [0, 3]
    assert None not in {hit.rerank for hit in hits}


def test_documents_that_the_query_names_are_preferred_among_the_reranked_too(reranking: Searcher) -> None:
    result = reranking.search("part in the coaching session", top_k=50)
    assert result.explanation.use == "preferred"
    weight = max(own.preference for own in reranking.retrieve.values())
    for hit in result.hits:
        assert hit.rerank is not None
        share = hit.index.document_type == "coaching_chat"
        assert hit.score == hit.preferred == pytest.approx((hit.rerank + weight * share) / (1 + weight))
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True)


def test_words_alone_are_reranked_only_when_asked(reranking: Searcher) -> None:
    assert reranking.search(QUERY, mode=Mode.TEXT).hits[0].rerank is None
    assert reranking.search(QUERY, mode=Mode.TEXT, rerank=True).hits[0].rerank is not None


def test_without_one_the_order_stays_and_a_line_says_so(library: Workplace) -> None:
    with Searcher.open(library.config) as searcher:
        result = searcher.search(QUERY)
        (note,) = result.notes
        assert note == (
            "not reranked: bge-reranker-v2-m3 is not on this machine (`ragfactory model pull bge-reranker-v2-m3` gets it)"
        )
        off = searcher.search(QUERY, rerank=False)
        assert (off.hits, off.notes) == (result.hits, ())
        assert searcher.search(QUERY, mode=Mode.TEXT).notes == ()
        with pytest.raises(ModelUnavailableError, match="bge-reranker-v2-m3 is not on this machine"):
            searcher.search(QUERY, rerank=True)
