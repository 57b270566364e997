from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from ragfactory.retrieval.parts import best_wording, find_at_once, lower_bm25, lower_cosines
from ragfactory.store.layout import IndexName

if TYPE_CHECKING:
    from ragfactory.retrieval.parts import Scores

INDEX = IndexName("acme", "reports", "jaarrekening")


def test_parts_are_searched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    both = threading.Barrier(2, timeout=60)

    def find(part: int) -> Scores:
        both.wait()  # for the other
        return {(INDEX, part): float(part)}

    assert list(find_at_once(find, [1, 2]).items()) == [((INDEX, 1), 1.0), ((INDEX, 2), 2.0)]


def test_one_part_needs_no_thread() -> None:
    assert find_at_once(
        lambda part: {(INDEX, part): float(threading.current_thread() is threading.main_thread())}, [7]
    ) == {(INDEX, 7): 1.0}
    assert find_at_once(lambda _part: {(INDEX, 1): 1.0}, []) == {}


def test_what_goes_wrong_in_one_part_is_raised() -> None:
    def find(part: int) -> Scores:
        raise OSError(f"part {part} cannot be read")

    with pytest.raises(OSError, match="part 1"):
        find_at_once(find, [1, 2])


def scores(*of_rows: float) -> Scores:
    return {(INDEX, row): score for row, score in enumerate(of_rows)}


def test_a_rarer_word_of_a_rewriting_does_not_outrank_the_query() -> None:
    found = best_wording([("winst", scores(8.0, 2.0)), ("bénéfice", scores(1.0, 40.0, 20.0))], lower_bm25)
    assert [(best.wording, best.score) for best in found.values()] == [
        ("winst", 8.0),
        ("bénéfice", pytest.approx(7.6)),
        ("bénéfice", pytest.approx(3.8)),
    ]


def test_a_rewriting_that_scores_less_is_not_raised() -> None:
    found = best_wording([("a", scores(8.0, 3.9)), ("b", scores(1.0, 4.0))], lower_bm25)
    assert [best.wording for best in found.values()] == ["a", "a"]


def test_cosines_of_a_rewriting_keep_their_distances_under_the_query() -> None:
    found = best_wording([("a", scores(0.5, 0.1)), ("b", scores(0.2, 0.7, 0.6))], lower_cosines)
    assert [best.wording for best in found.values()] == ["a", "b", "b"]
    assert [best.score for best in found.values()] == pytest.approx([0.5, 0.48, 0.38])


def test_where_the_query_finds_nothing_a_rewriting_scores_as_it_does() -> None:
    assert best_wording([("a", {}), ("b", scores(4.0))], lower_bm25)[INDEX, 0].score == 4.0
