"""From windows to batches of even length, and from the vectors of windows back to one vector a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions in `lengths`, longest first, in batches of at most `budget` tokens once padded, but one position at least."""
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > budget:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def pad(rows: Sequence[Sequence[int]], filler: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and attention mask, both `(n, longest)`: rows filled up on the right."""
    ids = np.full((len(rows), max(map(len, rows))), filler, dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return ids, mask


def average(vectors: NDArray[np.float32], weights: Sequence[int], counts: Sequence[int]) -> NDArray[np.float32]:
    """The weighted mean of each run of `counts[i]` rows, at unit length: `(sum(counts), d)` to `(len(counts), d)`."""
    if not counts:
        return vectors
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    sums: NDArray[np.float32] = np.add.reduceat(
        vectors * np.asarray(weights, dtype=np.float32)[:, None], starts, axis=0
    )
    sums /= np.linalg.norm(sums, axis=1, keepdims=True)
    return sums
