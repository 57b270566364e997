"""A transformer in torch, many windows at a time, packed: tokens of all windows in a row, and no padding anywhere."""

from __future__ import annotations

from itertools import chain, groupby
from typing import TYPE_CHECKING, Literal

import numpy as np

from ragfactory.embedding.batching import batches
from ragfactory.embedding.torch_device import import_torch, on_device

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from ragfactory.embedding.tensors import Tensor
    from ragfactory.embedding.torch_device import Precision
    from ragfactory.embedding.transformer import Transformer

# Tokens that go through a model at once. On a CPU more of them fall out of the cache.
BATCH_TOKENS = {"cpu": 2048, "cuda": 8192}


class TorchTransformer:
    """A transformer on a torch device. `dimension` is that of its output."""

    def __init__(self, transformer: Transformer, device: str, precision: Precision = "float32") -> None:
        """Raises ModelUnavailableError when there is no such device, or no room on it."""
        torch = import_torch()
        self._shape = transformer.shape
        self._precision = getattr(torch, precision)
        # Looked up, not multiplied: the embeddings are most of a multilingual model, and need not be converted.
        looked_up = {name: array for name, array in transformer.weights.items() if name.startswith("embeddings.")}
        layers = {name: array for name, array in transformer.weights.items() if name not in looked_up}
        self._weights = on_device(looked_up, device) | on_device(layers, device, self._precision)
        self._device = self._weights["embeddings.LayerNorm.weight"].device
        self.device = str(self._device)
        self.dimension = transformer.shape.hidden

    def states(
        self, windows: Sequence[Sequence[int]], batch_tokens: int | None = None
    ) -> Iterator[tuple[list[int], list[int], torch.Tensor]]:
        """The last layer's output, in batches of windows of like length, which hold `batch_tokens` tokens at most.

        Of each batch: which windows, their lengths, and the output for all of their tokens, (sum of lengths, d).
        """
        torch = import_torch()
        lengths = [len(window) for window in windows]
        for batch in batches(lengths, batch_tokens or BATCH_TOKENS[self._device.type]):
            own = [lengths[i] for i in batch]
            with torch.inference_mode():
                yield batch, own, self._forward([windows[i] for i in batch], own)

    def _forward(self, windows: Sequence[Sequence[int]], lengths: Sequence[int]) -> torch.Tensor:
        import torch
        from torch.nn import functional

        words = torch.tensor(list(chain.from_iterable(windows)), device=self._device)
        first = self._shape.first_position
        places = torch.tensor([first + i for length in lengths for i in range(length)], device=self._device)
        weights = self._weights
        states = weights["embeddings.word_embeddings.weight"][words]
        states = states + weights["embeddings.position_embeddings.weight"][places]
        states = self._norm(states + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        states = states.to(self._precision)
        for n in range(self._shape.layers):
            layer = f"encoder.layer.{n}"
            attended = self._attend(states, lengths, f"{layer}.attention.self")
            states = states + self._linear(attended, f"{layer}.attention.output.dense")
            states = self._norm(states, f"{layer}.attention.output.LayerNorm")
            inner = functional.gelu(self._linear(states, f"{layer}.intermediate.dense"))
            states = self._norm(states + self._linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        return states

    def _attend(self, states: torch.Tensor, lengths: Sequence[int], name: str) -> torch.Tensor:
        """Attention of each window to itself; those of one length, which lie together, are done at once."""
        import torch
        from torch.nn.functional import scaled_dot_product_attention

        parts = [self._linear(states, f"{name}.{part}") for part in ("query", "key", "value")]
        attended, start = [], 0
        for length, run in groupby(lengths):
            count = sum(1 for _ in run)
            end = start + count * length
            query, key, value = (
                part[start:end].view(count, length, self._shape.heads, -1).transpose(1, 2) for part in parts
            )
            attended.append(scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(end - start, -1))
            start = end
        return torch.cat(attended)

    def _linear(self, states: torch.Tensor, name: str) -> torch.Tensor:
        from torch.nn.functional import linear

        return linear(states, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, states: torch.Tensor, name: str) -> torch.Tensor:
        from torch.nn.functional import layer_norm

        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return layer_norm(states, weight.shape, weight, bias, self._shape.epsilon)


class TorchEncoder:
    """An Encoder on a torch device."""

    def __init__(
        self, transformer: Transformer, pooling: Literal["cls", "mean"], device: str, batch_tokens: int | None = None
    ) -> None:
        """Raises as `TorchTransformer` does."""
        self._network = TorchTransformer(transformer, device)
        self._pooling = pooling
        self._batch_tokens = batch_tokens
        self.device = self._network.device

    def encode(self, windows: Sequence[Sequence[int]]) -> Tensor:
        """The pooled vectors of the windows; see `Encoder.encode`."""
        pooled = np.empty((len(windows), self._network.dimension), dtype=np.float32)
        for batch, lengths, states in self._network.states(windows, self._batch_tokens):
            pooled[batch] = _pool(states, lengths, self._pooling).cpu().numpy()
        return pooled


def _pool(states: torch.Tensor, lengths: Sequence[int], pooling: Literal["cls", "mean"]) -> torch.Tensor:
    """One vector a window: that of its first token, or the mean over all of them."""
    import torch

    parts = torch.split(states, list(lengths))
    return torch.stack([part[0] if pooling == "cls" else part.mean(dim=0) for part in parts])
