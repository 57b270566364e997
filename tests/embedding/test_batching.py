"""Batches under a token budget, padding, and the mean over windows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ragfactory.embedding.batching import average, batches, pad


@given(st.lists(st.integers(1, 300)), st.integers(1, 1000))
def test_every_position_is_in_one_batch_and_none_is_over_budget(lengths: list[int], budget: int) -> None:
    made = list(batches(lengths, budget))
    assert sorted(position for batch in made for position in batch) == list(range(len(lengths)))
    for batch in made:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget


def test_longest_go_first_so_that_a_batch_has_like_lengths() -> None:
    assert list(batches([1, 9, 2, 8], 18)) == [[1, 3], [2, 0]]
    assert list(batches([1, 9, 2, 8], 16)) == [[1], [3, 2], [0]]


def test_padding_is_on_the_right_and_masked() -> None:
    ids, mask = pad([[5, 6, 7], [8]], filler=1)
    assert ids.tolist() == [[5, 6, 7], [8, 1, 1]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


def test_windows_count_by_their_tokens() -> None:
    vectors = np.array([[0, 1], [1, 0], [0, 1]], dtype=np.float32)
    merged = average(vectors, weights=[7, 3, 4], counts=[1, 2])
    np.testing.assert_allclose(merged, [[0, 1], [0.6, 0.8]], atol=1e-7)
    assert merged.dtype == np.float32


def test_no_texts_give_no_rows() -> None:
    assert average(np.zeros((0, 4), dtype=np.float32), [], []).shape == (0, 4)
