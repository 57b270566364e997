from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragfactory.retrieval.candidates import Candidate, Method, Weighting, emphasis
from ragfactory.retrieval.fusion import fuse
from ragfactory.retrieval.ranking import rank
from ragfactory.store.layout import IndexName

weights = st.just(0.0) | st.floats(0.01, 10)
methods = st.sampled_from(["scores", "ranks"])


@st.composite
def candidates(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and BM25 scores of one to twenty candidates."""
    n = draw(st.integers(1, 20))
    dense = draw(st.lists(st.floats(-1, 1, width=32), min_size=n, max_size=n))
    lexical = draw(st.lists(st.just(0.0) | st.floats(0.0078125, 50, width=32), min_size=n, max_size=n))
    return np.array(dense, dtype=np.float32), np.array(lexical, dtype=np.float32)


@given(candidates(), weights, weights, methods)
def test_scores_are_between_0_and_1(
    scores: tuple[np.ndarray, np.ndarray], dense: float, lexical: float, method: Method
) -> None:
    fused = fuse(*scores, dense_weight=dense, lexical_weight=lexical, method=method)
    assert (fused.shape, fused.dtype) == (scores[0].shape, np.float32)
    assert np.isfinite(fused).all()
    assert (fused >= -1e-6).all()
    assert (fused <= 1 + 1e-6).all()


@given(candidates(), weights, weights, methods)
def test_who_is_better_in_both_is_not_worse_fused(
    scores: tuple[np.ndarray, np.ndarray], dense: float, lexical: float, method: Method
) -> None:
    fused = fuse(*scores, dense_weight=dense, lexical_weight=lexical, method=method)
    for i in range(len(fused)):
        dominated = (scores[0] <= scores[0][i]) & (scores[1] <= scores[1][i])
        assert (fused[dominated] <= fused[i] + 1e-6).all()


@given(candidates(), st.floats(0.01, 10))
def test_one_part_alone_keeps_its_order(scores: tuple[np.ndarray, np.ndarray], weight: float) -> None:
    dense, lexical = scores
    for part, fused in (
        (dense, fuse(dense, lexical, dense_weight=weight, lexical_weight=0)),
        (lexical, fuse(dense, lexical, dense_weight=0, lexical_weight=weight)),
    ):
        order = np.argsort(part, kind="stable")
        assert (np.diff(fused[order]) >= -1e-6).all()


@given(candidates(), weights, weights, st.floats(0.5, 4))
def test_only_the_ratio_of_the_weights_counts(
    scores: tuple[np.ndarray, np.ndarray], dense: float, lexical: float, factor: float
) -> None:
    once = fuse(*scores, dense_weight=dense, lexical_weight=lexical)
    scaled = fuse(*scores, dense_weight=dense * factor, lexical_weight=lexical * factor)
    np.testing.assert_allclose(once, scaled, atol=1e-5)


def test_both_weights_zero_is_zero() -> None:
    scores = np.array([0.5, 0.9], dtype=np.float32)
    assert fuse(scores, scores, dense_weight=0, lexical_weight=0).tolist() == [0, 0]


def test_nothing_to_fuse_is_nothing() -> None:
    none = np.empty(0, dtype=np.float32)
    assert fuse(none, none, dense_weight=1, lexical_weight=1).shape == (0,)


def test_a_row_that_no_word_matches_gets_nothing_for_its_words() -> None:
    dense = np.array([0.2, 0.8], dtype=np.float32)
    lexical = np.array([7.0, 0.0], dtype=np.float32)
    fused = fuse(dense, lexical, dense_weight=1, lexical_weight=3, spread=1.2)
    assert fused.tolist() == pytest.approx([0.75 + 0.25 / 2, 0.25])
    by_rank = fuse(dense, lexical, dense_weight=1, lexical_weight=3, method="ranks")
    assert by_rank.tolist() == pytest.approx([0.75 + 0.25 * 61 / 62, 0.25])


def test_what_stands_out_by_meaning_counts_more_than_what_hardly_does() -> None:
    lexical = np.array([5.0, 0.0], dtype=np.float32)
    clear, unclear = np.array([0.1, 0.7], dtype=np.float32), np.array([0.65, 0.7], dtype=np.float32)
    assert fuse(clear, lexical, dense_weight=1.5, lexical_weight=1).argmax() == 1
    assert fuse(unclear, lexical, dense_weight=1.5, lexical_weight=1).argmax() == 0


@pytest.mark.parametrize("lexical_weight", [0.0, 1.0])
def test_passages_too_far_under_the_best_to_count_keep_the_order_of_their_cosines(lexical_weight: float) -> None:
    index, weighting = IndexName("default", "main", "text"), Weighting(1.0, lexical_weight, spread=0.2)
    cosines = (0.1, 0.9, 0.3, 0.2)
    ranked = rank([Candidate(index, row, "model", weighting, cosine, None) for row, cosine in enumerate(cosines)])
    assert [candidate.dense for candidate in ranked] == sorted(cosines, reverse=True)
    assert [candidate.fused for candidate in ranked[1:]] == [0, 0, 0]


def test_words_count_more_where_a_question_has_a_number_in_it() -> None:
    assert emphasis("what was the revenue of 2019") > emphasis("how does the app work") == 1
