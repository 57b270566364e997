"""The embedder that runs on sentence-transformers."""

from __future__ import annotations

import os
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import orjson

from ragfactory.embedding.batching import average, batches, pad
from ragfactory.embedding.locate import EXTRA
from ragfactory.embedding.model import Embedder, Encoded
from ragfactory.embedding.tokenizer import Tokenizer
from ragfactory.embedding.weights import fingerprint, weight_files
from ragfactory.errors import MissingExtraError, ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer
    from transformers import PreTrainedModel

    from ragfactory.embedding.catalog import ModelSpec, ResolvedModel

# Tokens, padding included, that go through a model at once. On a CPU a larger batch falls out of the cache.
_BATCH_TOKENS = {"cpu": 2048, "cuda": 8192}


def best_device() -> str:
    """The torch device to embed on: the first CUDA card where there is one, else the CPU."""
    return "cuda" if _import_torch().cuda.is_available() else "cpu"


def open_embedder(model: ResolvedModel, *, device: str = "cpu", batch_tokens: int | None = None) -> Embedder:
    """Load a model onto a torch device; `batch_tokens` is how many tokens, padding included, go through it at once.

    Raises ModelUnavailableError when its files are damaged or are not those of the model they should be, or when there is no
    such device.
    """
    identity = fingerprint(model)
    config = _checked_config(model)
    tokenizer = Tokenizer(model.path / "tokenizer.json")
    network = _load(model, device)
    filler = config["pad_token_id"]
    return SentenceTransformersEmbedder(
        model.spec,
        identity,
        tokenizer,
        network,
        filler=filler,
        batch_tokens=batch_tokens or _BATCH_TOKENS[network.device.type],
    )


class SentenceTransformersEmbedder:
    """An Embedder over a loaded SentenceTransformer. It does its own tokenizing, so that no text is ever cut off."""

    def __init__(
        self,
        spec: ModelSpec,
        identity: str,
        tokenizer: Tokenizer,
        network: SentenceTransformer,
        *,
        filler: int,
        batch_tokens: int,
    ) -> None:
        self.name = spec.name
        self.device = str(network.device)
        self.dimension = spec.dimension
        self.max_tokens = spec.max_tokens
        self.fingerprint = identity
        self._spec = spec
        self._tokenizer = tokenizer
        self._network = network
        self._filler = filler
        self._batch_tokens = batch_tokens

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
        vectors = average(self._forward(flat, lengths), lengths, counts)
        if not np.isfinite(vectors).all():
            raise ModelUnavailableError(
                f"{self.name} made a vector that is not finite", hint="its weights may be damaged: get them again"
            )
        assert vectors.shape == (len(texts), self.dimension)
        return Encoded(vectors, tokens=sum(lengths), windowed=sum(count > 1 for count in counts))

    def _forward(self, windows: Sequence[Sequence[int]], lengths: Sequence[int]) -> NDArray[np.float32]:
        """The vectors of the windows, `(m, d)`, in their order."""
        import torch

        vectors = np.empty((len(windows), self.dimension), dtype=np.float32)
        for batch in batches(lengths, self._batch_tokens):
            ids, mask = (torch.from_numpy(array) for array in pad([windows[i] for i in batch], self._filler))
            device = self._network.device
            with torch.inference_mode():
                out = self._network({"input_ids": ids.to(device), "attention_mask": mask.to(device)})
            vectors[batch] = out["sentence_embedding"].cpu().numpy()
        return vectors


def _import_torch() -> ModuleType:
    # Read when torch is first imported. Threads that spin while they wait make everything many times slower as soon as another
    # process, such as a parser, is busy on one of the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", EXTRA) from error
    return torch


def _checked_config(model: ResolvedModel) -> dict[str, int]:
    """The numbers of `config.json` that matter here, after a look at whether they are those of the spec."""
    try:
        raw = orjson.loads((model.path / "config.json").read_bytes())
        config = {key: int(raw[key]) for key in ("hidden_size", "max_position_embeddings", "pad_token_id")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unusable(model, f"config.json cannot be read: {error!r}") from error
    if config["hidden_size"] != model.spec.dimension:
        raise _unusable(model, f"expected {model.spec.dimension} dimensions, got {config['hidden_size']}")
    if config["max_position_embeddings"] < model.spec.max_tokens:
        came = config["max_position_embeddings"]
        raise _unusable(model, f"expected a window of {model.spec.max_tokens} tokens, got {came}")
    return config


def _load(model: ResolvedModel, device: str) -> SentenceTransformer:
    """The model as sentence-transformers runs it, built from the spec: code and settings in the folder do not count."""
    torch = _import_torch()
    import transformers
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    local = {"local_files_only": True, "trust_remote_code": False}
    weights = {"use_safetensors": True, "dtype": torch.float32}
    try:
        network = Transformer(
            str(model.path), model_kwargs=local | weights, config_kwargs=dict(local), processor_kwargs=dict(local)
        )
        missing = _missing_weights(model, network.auto_model)
    except (OSError, ValueError, RuntimeError, LookupError, TypeError, SafetensorError) as error:
        raise _unusable(model, f"cannot be loaded: {error}") from error
    if missing:
        raise _unusable(model, f"its weights lack {len(missing)} tensors, {missing[0]} among them")
    modules = [network, Pooling(model.spec.dimension, model.spec.pooling), Normalize()]
    try:
        return SentenceTransformer(modules=modules, device=device).eval()
    except (RuntimeError, AssertionError) as error:
        raise ModelUnavailableError(
            f"{model.spec.name} cannot be put on the device {device}: {error}",
            hint="`ragfactory doctor` shows the devices there are",
        ) from error


def _missing_weights(model: ResolvedModel, network: PreTrainedModel) -> list[str]:
    """Parameters that no weights file holds: transformers fills them with random numbers and goes on."""
    from safetensors import safe_open

    stored: set[str] = set()
    for file in weight_files(model.path):
        with safe_open(file, framework="pt") as tensors:
            names = tensors.keys()
        stored.update(name.removeprefix(f"{network.base_model_prefix}.") for name in names)
    # The pooler is a head for classification: no vector comes from it, and weights often leave it out.
    return [name for name, _ in network.named_parameters() if name not in stored and not name.startswith("pooler.")]


def _unusable(model: ResolvedModel, reason: str) -> ModelUnavailableError:
    return ModelUnavailableError(
        f"{model.spec.name} in {model.path}: {reason}",
        hint="put the model's files there again, or choose another embedder",
        path=str(model.path),
    )
