"""A transformer in NumPy, one window at a time: for a query, which is done before torch is imported."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.embedding.tensors import Tensor
    from ragfactory.embedding.transformer import Transformer


class NumpyEncoder:
    """An Encoder on the CPU. A window of n tokens takes memory for (heads, n, n) numbers: it is meant for short ones."""

    device = "cpu"

    def __init__(self, transformer: Transformer, pooling: Literal["cls", "mean"]) -> None:
        self._shape = transformer.shape
        self._weights = transformer.weights
        self._pooling = pooling

    def encode(self, windows: Sequence[Sequence[int]]) -> Tensor:
        """The pooled vectors of the windows; see `Encoder.encode`."""
        pooled = np.empty((len(windows), self._shape.hidden), dtype=np.float32)
        for i, window in enumerate(windows):
            states = self._states(window)
            pooled[i] = states[0] if self._pooling == "cls" else states.mean(axis=0)
        return pooled

    def _states(self, window: Sequence[int]) -> Tensor:
        """The last layer's output for each token, (n, hidden)."""
        weights, first = self._weights, self._shape.first_position
        states = weights["embeddings.word_embeddings.weight"][list(window)]
        states = states + weights["embeddings.position_embeddings.weight"][first : first + len(window)]
        states = self._norm(states + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for n in range(self._shape.layers):
            layer = f"encoder.layer.{n}"
            attended = self._linear(self._attend(states, f"{layer}.attention.self"), f"{layer}.attention.output.dense")
            states = self._norm(states + attended, f"{layer}.attention.output.LayerNorm")
            inner = _gelu(self._linear(states, f"{layer}.intermediate.dense"))
            states = self._norm(states + self._linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        return states

    def _attend(self, states: Tensor, name: str) -> Tensor:
        query, key, value = (self._heads(self._linear(states, f"{name}.{part}")) for part in ("query", "key", "value"))
        scores = query @ key.transpose(0, 2, 1) / np.float32(sqrt(query.shape[-1]))
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        joined: Tensor = (shares @ value).transpose(1, 0, 2).reshape(states.shape)
        return joined

    def _heads(self, states: Tensor) -> Tensor:
        """(n, hidden) as (heads, n, hidden / heads)."""
        return states.reshape(len(states), self._shape.heads, -1).transpose(1, 0, 2)

    def _linear(self, states: Tensor, name: str) -> Tensor:
        result: Tensor = states @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return result

    def _norm(self, states: Tensor, name: str) -> Tensor:
        centred = states - states.mean(axis=-1, keepdims=True)
        spread = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + np.float32(self._shape.epsilon))
        result: Tensor = centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return result


def _gelu(x: Tensor) -> Tensor:
    """The Gaussian error linear unit: x times the normal distribution's share below x. D. Hendrycks, K. Gimpel,
    https://arxiv.org/abs/1606.08415.

    The error function, which NumPy lacks, is formula 7.1.26 of M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions":
    off by 1.5e-7 at most.
    """
    distance = np.abs(x) * np.float32(sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * distance)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    below = np.copysign(1 - series * np.exp(-np.square(distance)), x)
    result: Tensor = 0.5 * x * (1 + below)
    return result
