"""Metrics by hand and by what must hold of any ranking, and the statistics over them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragfactory.evaluation.metrics import METRICS, Scores, score, table
from ragfactory.evaluation.significance import Difference, difference, interval

rankings = st.lists(st.sampled_from([None, "a", "b", "c"]), max_size=15)


def test_by_hand() -> None:
    units = [None, "a", "a", None, None, "b", None]  # two of three units, at ranks 2 and 6; a again counts for nothing
    dcg = 1 / math.log2(3) + 1 / math.log2(7)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert score(units, 3) == Scores(1 / 3, 2 / 3, 1 / 2, dcg / ideal)


def test_nothing_found_beyond_ten_and_all_found() -> None:
    assert score([None] * 10 + ["a"], 1) == score([], 1) == Scores(0, 0, 0, 0)
    assert score(["a", "b"], 2) == Scores(1, 1, 1, 1)
    assert score(["a", "b", "c"], 1) == Scores(1, 1, 1, 1)  # any of several turns
    assert score([str(n) for n in range(10)], 20) == Scores(1, 1, 1, 1)  # as many as can be shown
    with pytest.raises(ValueError, match="at least 1"):
        score([], 0)


@given(rankings, st.integers(1, 3))
def test_scores_are_shares_and_no_passage_more_makes_them_less(units: list[str | None], total: int) -> None:
    values, longer = table([score(units, total)])[0], table([score([*units, "d"], total)])[0]
    assert ((values >= 0) & (values <= 1)).all()
    assert (longer >= values).all()


@given(rankings, st.data())
def test_without_a_passage_that_answers_nothing_a_ranking_is_worth_no_less(
    units: list[str | None], data: st.DataObject
) -> None:
    units.insert(data.draw(st.integers(0, len(units))), None)
    without = list(units)
    without.remove(None)
    assert (table([score(without, 3)]) >= table([score(units, 3)])).all()


def test_a_table_has_a_row_a_question_and_a_column_a_metric() -> None:
    assert table([]).shape == (0, len(METRICS))
    assert table([Scores(0.1, 0.2, 0.3, 0.4)]).tolist() == [[0.1, 0.2, 0.3, 0.4]]


def test_an_interval_holds_the_mean_and_narrows_with_more_questions() -> None:
    few, many = interval(np.array([0.0, 1.0] * 10)), interval(np.array([0.0, 1.0] * 1000))
    assert few.mean == many.mean == 0.5
    assert few.low < many.low < 0.5 < many.high < few.high
    # of 20 tosses of a coin 6 to 14 are heads in 95 % of cases
    assert (few.low, few.high) == (pytest.approx(0.3, abs=0.05), pytest.approx(0.7, abs=0.05))
    assert interval(np.array([0.25])).high == 0.25


def test_the_p_value_is_the_share_of_signs_that_do_as_well() -> None:
    # Of 2^6 signs of six equal gains only all plus and all minus reach their sum: p is 2 / 64.
    before = np.zeros(6)
    found = difference(before, before + 0.5)
    assert found.p_value == pytest.approx(2 / 64, abs=0.01)
    assert (found.mean, found.low, found.high) == (0.5, 0.5, 0.5)
    assert found.is_real


def test_a_difference_is_real_where_bounds_and_p_value_agree() -> None:
    before = np.ones(20)
    few = difference(before, np.where(np.arange(20) < 4, 0.5, 1.0))  # 2 of 2^4 signs do as well
    assert few.high < 0
    assert few.p_value == pytest.approx(2 / 16, abs=0.02)
    assert not few.is_real
    assert not Difference(0.1, -0.01, 0.2, 0.04).is_real
    assert Difference(0.1, 0.01, 0.2, 0.04).is_real


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20))
def test_a_difference_turned_round_is_as_likely(pairs: list[tuple[float, float]]) -> None:
    before, after = np.array(pairs).T
    there, back = difference(before, after), difference(after, before)
    assert there.mean == pytest.approx(-back.mean)
    assert there.p_value == pytest.approx(back.p_value)
    assert difference(before, before).p_value == 1
    assert 0 < there.p_value <= 1
