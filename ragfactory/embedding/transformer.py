"""The transformers that are known here, BERT and XLM-RoBERTa: their shape, and their weights once they fit it.

J. Devlin et al., "BERT", https://arxiv.org/abs/1810.04805; A. Conneau et al., "Unsupervised Cross-lingual Representation
Learning at Scale", https://arxiv.org/abs/1911.02116. Both are one encoder: embeddings, and layers of attention and of a
feed-forward network, each added to what came in and normalised. They differ in how positions are numbered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from ragfactory.embedding.tensors import map_tensors
from ragfactory.embedding.weights import weight_files
from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ragfactory.embedding.catalog import ResolvedModel
    from ragfactory.embedding.tensors import Tensor

    Weights = Mapping[str, Tensor]

_MODEL_TYPES = {"bert", "xlm-roberta"}
_WORDS = "embeddings.word_embeddings.weight"


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers that make a transformer. A token at place i has position `first_position` + i."""

    layers: int
    heads: int
    hidden: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float
    first_position: int

    @property
    def window(self) -> int:
        """The longest sequence there are positions for, in tokens."""
        return self.positions - self.first_position


@dataclass(frozen=True, slots=True)
class Transformer:
    """A model's shape and its weights: those of the encoder by their names in BERT, and in `head` all others."""

    shape: Shape
    weights: Weights
    head: Weights


class Encoder(Protocol):
    """A transformer that runs somewhere, with a way of making one vector of a window."""

    @property
    def device(self) -> str: ...

    def encode(self, windows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """The pooled vectors of windows of token ids, (m, hidden) float32, in their order; not of unit length."""
        ...


def load_transformer(model: ResolvedModel) -> Transformer:
    """The model's shape, and its weights as they lie on the disk.

    Raises ModelUnavailableError when its files cannot be read, or are not those of a model of that spec and of a known shape.
    """
    shape = _read_shape(model)
    try:
        tensors = map_tensors(weight_files(model.path))
        weights, head = _apart(tensors)
    except (OSError, ValueError) as error:
        raise unusable(model, f"cannot be loaded: {error}") from error
    expected = _expected(shape)
    check_tensors(model, weights, expected)
    return Transformer(shape, {name: weights[name] for name in expected}, head)


def check_tensors(model: ResolvedModel, weights: Weights, expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raise ModelUnavailableError when a tensor is not there or has another shape than expected."""
    if absent := [name for name in expected if name not in weights]:
        raise unusable(model, f"its weights lack {len(absent)} tensors, {absent[0]} among them")
    for name, shape in expected.items():
        if weights[name].shape != shape:
            raise unusable(model, f"cannot be loaded: {name}: the shape {shape} expected, got {weights[name].shape}")


def unusable(model: ResolvedModel, reason: str) -> ModelUnavailableError:
    """The error for a model whose files are not what they should be."""
    return ModelUnavailableError(
        f"{model.spec.name} in {model.path}: {reason}",
        hint=f"`ragfactory model pull {model.spec.name} --force` gets its files again; or choose another model",
        path=str(model.path),
    )


def _read_shape(model: ResolvedModel) -> Shape:
    try:
        raw = orjson.loads((model.path / "config.json").read_bytes())
        shape = _shape(raw)
        kind, activation = raw["model_type"], raw.get("hidden_act", "gelu")
        places = raw.get("position_embedding_type") or "absolute"
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise unusable(model, f"config.json cannot be read: {error!r}") from error
    if kind not in _MODEL_TYPES or activation != "gelu" or places != "absolute":
        known = " or ".join(sorted(_MODEL_TYPES))
        what = f"{known} with gelu and absolute positions expected, got {kind} with {activation} and {places} positions"
        raise unusable(model, f"cannot be loaded: {what}")
    if shape.hidden != model.spec.dimension:
        raise unusable(model, f"expected {model.spec.dimension} dimensions, got {shape.hidden}")
    if shape.positions < model.spec.max_tokens:
        raise unusable(model, f"expected a window of {model.spec.max_tokens} tokens, got {shape.positions}")
    return shape


def _shape(raw: Mapping[str, Any]) -> Shape:
    return Shape(
        layers=int(raw["num_hidden_layers"]),
        heads=int(raw["num_attention_heads"]),
        hidden=int(raw["hidden_size"]),
        inner=int(raw["intermediate_size"]),
        vocabulary=int(raw["vocab_size"]),
        positions=int(raw["max_position_embeddings"]),
        types=int(raw["type_vocab_size"]),
        epsilon=float(raw["layer_norm_eps"]),
        first_position=int(raw["pad_token_id"]) + 1 if raw["model_type"] == "xlm-roberta" else 0,
    )


def _apart(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of the encoder and all others. In a model with a head, names of the encoder's have a prefix."""
    prefix = next((name.removesuffix(_WORDS) for name in tensors if name.endswith(_WORDS)), "")
    inside = (prefix + "embeddings.", prefix + "encoder.")
    weights = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(inside)}
    return weights, {name: tensor for name, tensor in tensors.items() if not name.startswith(inside)}


def _expected(shape: Shape) -> dict[str, tuple[int, ...]]:
    """The name and shape of every tensor of the encoder. A linear layer's weight is (out, in)."""
    hidden, inner = shape.hidden, shape.inner
    expected: dict[str, tuple[int, ...]] = {
        _WORDS: (shape.vocabulary, hidden),
        "embeddings.position_embeddings.weight": (shape.positions, hidden),
        "embeddings.token_type_embeddings.weight": (shape.types, hidden),
    } | _norm("embeddings.LayerNorm", hidden)
    for n in range(shape.layers):
        layer = f"encoder.layer.{n}"
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            expected |= _linear(f"{layer}.attention.{name}", hidden, hidden)
        expected |= _norm(f"{layer}.attention.output.LayerNorm", hidden)
        expected |= _linear(f"{layer}.intermediate.dense", inner, hidden)
        expected |= _linear(f"{layer}.output.dense", hidden, inner)
        expected |= _norm(f"{layer}.output.LayerNorm", hidden)
    return expected


def _linear(name: str, out: int, into: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def _norm(name: str, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}
