"""Opening an embedder: torch for passages, and for queries NumPy, which starts at once."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ragfactory.embedding.batching import average
from ragfactory.embedding.model import Embedder, Encoded
from ragfactory.embedding.numpy_encoder import NumpyEncoder
from ragfactory.embedding.tokenizer import Tokenizer
from ragfactory.embedding.torch_encoder import TorchEncoder
from ragfactory.embedding.transformer import load_transformer
from ragfactory.embedding.weights import fingerprint
from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ragfactory.embedding.catalog import ModelSpec, ResolvedModel
    from ragfactory.embedding.transformer import Encoder, Transformer

_SHORT = 512  # tokens; a longer window keeps torch busy for longer than its import takes


def open_embedder(model: ResolvedModel, *, device: str = "cpu", batch_tokens: int | None = None) -> Embedder:
    """Load a model onto a torch device; `batch_tokens` is how many tokens go through it at once.

    Raises ModelUnavailableError when its files are damaged or are not those of the model they should be, or when there is no
    such device.
    """
    identity = fingerprint(model)
    transformer = load_transformer(model)
    tokenizer = Tokenizer(model.path / "tokenizer.json")
    encoder = TorchEncoder(transformer, model.spec.pooling, device, batch_tokens)
    return TextEmbedder(model.spec, identity, tokenizer, encoder)


def open_query_embedder(model: ResolvedModel) -> Embedder:
    """Open a model on the CPU for some short texts: nothing is read or imported before it is needed. Raises as above."""
    identity = fingerprint(model)
    transformer = load_transformer(model)
    tokenizer = Tokenizer(model.path / "tokenizer.json")
    return TextEmbedder(model.spec, identity, tokenizer, _QueryEncoder(transformer, model.spec))


class TextEmbedder:
    """An Embedder over an Encoder. It does its own tokenizing, so that no text is ever cut off."""

    def __init__(self, spec: ModelSpec, identity: str, tokenizer: Tokenizer, encoder: Encoder) -> None:
        self.name = spec.name
        self.device = encoder.device
        self.dimension = spec.dimension
        self.max_tokens = spec.max_tokens
        self.fingerprint = identity
        self._spec = spec
        self._tokenizer = tokenizer
        self._encoder = encoder

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Embed passages; see `Embedder.encode`."""
        return self._encode([self._spec.passage_prefix + text for text in texts])

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """Embed one query; see `Embedder.encode_query`."""
        vector: NDArray[np.float32] = self._encode([self._spec.query_prefix + text]).vectors[0]
        return vector

    def _encode(self, texts: Sequence[str]) -> Encoded:
        windows = self._tokenizer.windows(texts, self.max_tokens)
        flat = list(chain.from_iterable(windows))
        lengths = [len(window) for window in flat]
        counts = [len(of_text) for of_text in windows]
        pooled = self._encoder.encode(flat)
        pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
        vectors = average(pooled, lengths, counts)
        if not np.isfinite(vectors).all():
            raise ModelUnavailableError(
                f"{self.name} made a vector that is not finite", hint="its weights may be damaged: get them again"
            )
        assert vectors.shape == (len(texts), self.dimension)
        return Encoded(vectors, tokens=sum(lengths), windowed=sum(count > 1 for count in counts))


class _QueryEncoder:
    """An Encoder in NumPy, and in torch from the first long window on."""

    device = "cpu"

    def __init__(self, transformer: Transformer, spec: ModelSpec) -> None:
        self._transformer = transformer
        self._pooling = spec.pooling
        self._encoder: Encoder = NumpyEncoder(transformer, spec.pooling)

    def encode(self, windows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        if max(map(len, windows), default=0) > _SHORT and isinstance(self._encoder, NumpyEncoder):
            self._encoder = TorchEncoder(self._transformer, self._pooling, self.device)
        return self._encoder.encode(windows)
