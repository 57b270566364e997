from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragfactory.evaluation.fit import Pool, Setting, collect, fit, scores
from ragfactory.evaluation.questions import Question, Target
from ragfactory.retrieval.search import Searcher

if TYPE_CHECKING:
    from ragfactory.retrieval.candidates import Method
    from tests.conftest import Workplace

EVEN = Setting(0.5, 0.5, 100)


def pools(count: int, *, telling: str, seed: int = 7) -> list[Pool]:
    """Questions with 40 candidates and one answer, which one part scores highest; the other part is noise."""
    rng = np.random.default_rng(seed)
    made = []
    for n in range(count):
        answer = int(rng.integers(40))
        noise, signal = rng.random((2, 40)).astype(np.float32)
        signal[answer] = 1.2
        parts = {"dense": noise, "lexical": noise, telling: signal}
        units = tuple("unit" if i == answer else None for i in range(40))
        made.append(Pool(parts["dense"], parts["lexical"], units, total=1, group=f"{n}.md"))
    return made


@pytest.mark.parametrize("telling", ["dense", "lexical"])
def test_the_part_that_is_no_noise_is_preferred(telling: str) -> None:
    found = fit(pools(60, telling=telling), EVEN)
    weights = {"dense": found.best.dense_weight, "lexical": found.best.lexical_weight}
    assert weights[telling] > 0.55
    assert found.is_better
    assert found.gain.is_real
    assert found.held_out == pytest.approx(found.before + found.gain.mean)


def test_where_both_parts_are_noise_no_real_gain_is_claimed() -> None:
    rng = np.random.default_rng(3)
    noise = [
        Pool(
            *rng.random((2, 40)).astype(np.float32), tuple("unit" if i == 0 else None for i in range(40)), 1, f"{n}.md"
        )
        for n in range(60)
    ]
    assert not fit(noise, EVEN).gain.is_real


def test_where_all_do_equally_well_the_setting_stays() -> None:
    scored = np.array([3.0, 2.0, 1.0], dtype=np.float32)
    same = [Pool(scored, scored, ("unit", None, None), 1, "a.md")] * 3
    own = Setting(3.0, 1.0, 70)
    found = fit(same, own)
    assert found.best == own
    assert not found.is_better


def test_depth_says_how_many_candidates_a_part_contributes() -> None:
    dense = np.linspace(1, 0, 50, dtype=np.float32)
    lexical = np.zeros(50, dtype=np.float32)
    lexical[30] = 2.0  # far down by meaning, first by words
    lexical[45] = 1.9
    units = tuple("unit" if i == 45 else None for i in range(50))
    pool = Pool(dense, lexical, units, 1, "a.md")
    assert scores(pool, Setting(0.1, 0.9, 1)).mrr_at_10 == 0
    assert scores(pool, Setting(0.1, 0.9, 2)).mrr_at_10 == pytest.approx(1 / 2)


def test_a_row_that_words_find_beyond_the_depth_has_no_score_by_words_as_in_a_search() -> None:
    dense = np.zeros(50, dtype=np.float32)
    dense[:2] = 0.9, 0.8
    lexical = np.linspace(3, 2, 50, dtype=np.float32)[::-1].copy()  # the second by meaning is among the last by words
    units = tuple("unit" if i == 1 else None for i in range(50))
    pool = Pool(dense, lexical, units, 1, "a.md")
    assert scores(pool, Setting(0.1, 0.9, 50)).mrr_at_10 == 0
    assert scores(pool, Setting(0.1, 0.9, 2)).mrr_at_10 == pytest.approx(1 / 4)


def test_what_no_word_tells_apart_is_ranked_by_meaning_as_in_a_search() -> None:
    dense = np.array([0.1, 0.5], dtype=np.float32)
    pool = Pool(dense, np.zeros(2, dtype=np.float32), (None, "unit"), 1, "a.md")
    assert scores(pool, Setting(0.0, 1.0, 100)).mrr_at_10 == 1


@pytest.mark.parametrize(("method", "rank"), [("scores", 2), ("ranks", 1)])
def test_a_pool_is_ranked_by_its_method(method: Method, rank: int) -> None:
    dense = np.array([0.9, 0.1, 0.0, 0.0], dtype=np.float32)
    lexical = np.array([1.0, 10.0, 3.0, 2.0], dtype=np.float32)
    pool = Pool(dense, lexical, (None, "unit", None, None), 1, "a.md", method=method)
    assert scores(pool, EVEN).mrr_at_10 == pytest.approx(1 / rank)


@pytest.mark.parametrize("method", ["scores", "ranks"])
def test_pools_have_the_method_that_the_index_is_searched_with(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, method: Method
) -> None:
    workplace.write("a.md", "De voorzieningen van de onderneming zijn in het laatste jaar sterk gestegen.")
    workplace.ingest()
    with Searcher.open(workplace.config) as searcher:
        ((name, own),) = searcher.retrieve.items()
        monkeypatch.setitem(searcher._retrieve, name, own.model_copy(update={"fusion": method}))
        (pool,) = collect(searcher, [Question("1", "voorzieningen", (Target("a.md"),))])
    assert pool.method == method
