from __future__ import annotations

import numpy as np
import pytest

from ragfactory.evaluation.fit import Pool, Weighting, fit, scores

EVEN = Weighting(0.5, 0.5, 100)


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


def test_where_all_do_equally_well_the_weighting_stays() -> None:
    scored = np.array([3.0, 2.0, 1.0], dtype=np.float32)
    same = [Pool(scored, scored, ("unit", None, None), 1, "a.md")] * 3
    own = Weighting(3.0, 1.0, 70)
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
    assert scores(pool, Weighting(0.1, 0.9, 1)).mrr_at_10 == 0
    assert scores(pool, Weighting(0.1, 0.9, 2)).mrr_at_10 == pytest.approx(1 / 2)
