"""A GGUF file: what it says of itself, its vocabulary and its weights on a device."""

from __future__ import annotations

import ctypes
import os
import re
from typing import TYPE_CHECKING, Any, Self

from ragfactory.context.llama.library import forget_words, last_words, llama_cpp
from ragfactory.context.llama.planning import CPU, ModelShape
from ragfactory.context.llama.vocabulary import Vocabulary
from ragfactory.errors import DeviceUnavailableError, ModelUnavailableError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


_UNKNOWN = re.compile(r"unknown model architecture: '[^']*'")


class LlamaModel:
    """A GGUF opened by llama.cpp. It is freed on `close`, after every context that uses it."""

    def __init__(self, path: Path, handle: Any) -> None:
        self.path = path
        self.handle = handle
        self.vocabulary = Vocabulary(llama_cpp().llama_model_get_vocab(handle))

    @classmethod
    def open(cls, path: Path, device: str) -> Self:
        """The model with its weights on `cpu` or on the card that CUDA shows first.

        Raises MissingExtraError without llama-cpp-python, DeviceUnavailableError when it cannot use cards, and
        ModelUnavailableError for a file that is absent, damaged, too large, or of an architecture that cannot write contexts.
        """
        library = llama_cpp()
        if device != CPU and not library.llama_supports_gpu_offload():
            raise DeviceUnavailableError(
                "llama-cpp-python as it is installed here runs on the CPU only",
                hint="install it for CUDA: `CMAKE_ARGS=-DGGML_CUDA=on pip install --force-reinstall --no-cache-dir "
                "llama-cpp-python`; or use --devices cpu",
            )
        params = library.llama_model_default_params()
        params.n_gpu_layers = 0 if device == CPU else -1
        params.split_mode = library.LLAMA_SPLIT_MODE_NONE
        return cls._load(path, params, device)

    @classmethod
    def open_vocabulary(cls, path: Path) -> Self:
        """What the file says of itself and its vocabulary, without its weights. Raises as `open` does."""
        params = llama_cpp().llama_model_default_params()
        params.vocab_only = True
        params.n_gpu_layers = 0
        return cls._load(path, params, CPU)

    @classmethod
    def _load(cls, path: Path, params: Any, device: str) -> Self:
        if not path.is_file():
            raise ModelUnavailableError(
                f"there is no model file {path}",
                hint="put the GGUF file there; `ragfactory model pull` gets one",
                path=str(path),
            )
        forget_words()
        handle = llama_cpp().llama_model_load_from_file(os.fsencode(path), params)
        if not handle:
            raise _unloadable(path, device, last_words())
        model = cls(path, handle)
        try:
            model.require_decoder()
        except ModelUnavailableError:
            model.close()
            raise
        return model

    def require_decoder(self) -> None:
        """Raise ModelUnavailableError for models whose memory of a text cannot be shared between prompts."""
        library = llama_cpp()
        if library.llama_model_has_encoder(self.handle) or not library.llama_model_has_decoder(self.handle):
            kind = "an encoder"
        elif library.llama_model_is_recurrent(self.handle) or library.llama_model_is_hybrid(self.handle):
            kind = "recurrent"
        elif library.llama_model_is_diffusion(self.handle):
            kind = "a diffusion model"
        else:
            return
        raise ModelUnavailableError(
            f"expected a model that writes token after token with attention, {self.path.name} is {kind}",
            hint="choose an instruction model of the llama, qwen, mistral or gemma families",
            path=str(self.path),
        )

    def metadata(self, key: str) -> str | None:
        """A value of the file's header as text; None where it has none, or it is a list."""
        library = llama_cpp()
        size = library.llama_model_meta_val_str(self.handle, key.encode(), ctypes.create_string_buffer(1), 1)
        if size < 0:
            return None
        buffer = ctypes.create_string_buffer(size + 1)
        library.llama_model_meta_val_str(self.handle, key.encode(), buffer, size + 1)
        return buffer.value.decode(errors="replace")

    def shape(self) -> ModelShape:
        """The sizes. Raises ModelUnavailableError when the header does not tell them."""
        architecture = self.metadata("general.architecture") or ""

        def number(key: str, default: int | None = None) -> int:
            text = self.metadata(f"{architecture}.{key}")
            if text is not None and text.isdecimal() and int(text) > 0:
                return int(text)
            if default is None:
                raise ModelUnavailableError(
                    f"{self.path.name}: expected a number over 0 in {architecture}.{key}, got {text}",
                    hint="the file is damaged, or it is no language model: put another GGUF there",
                    path=str(self.path),
                )
            return default

        heads, embedding = number("attention.head_count"), number("embedding_length")
        return ModelShape(
            architecture=architecture,
            file_bytes=self.path.stat().st_size,
            layers=number("block_count"),
            embedding=embedding,
            heads=heads,
            kv_heads=number("attention.head_count_kv", heads),
            key=number("attention.key_length", embedding // heads),
            value=number("attention.value_length", embedding // heads),
            window=number("context_length"),
            vocabulary=self.vocabulary.size,
        )

    def close(self) -> None:
        """Free it."""
        if self.handle:
            llama_cpp().llama_model_free(self.handle)
            self.handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.close()


def read_shape(path: Path) -> ModelShape:
    """The sizes of the model in a file, without loading its weights. Raises as `LlamaModel.open` does."""
    with LlamaModel.open_vocabulary(path) as model:
        return model.shape()


def _unloadable(path: Path, device: str, reason: str) -> ModelUnavailableError:
    if unknown := _UNKNOWN.search(reason):
        reason = f"llama.cpp does not know it: {unknown[0]}"
        hint = "a newer llama-cpp-python may know it: `pip install --upgrade llama-cpp-python`; or choose another model"
    elif "out of memory" in reason or "unable to allocate" in reason:
        hint = "choose a smaller model or quantisation; `ragfactory gpu status` shows what holds the memory"
    else:
        hint = (
            "the file is damaged or incomplete: get it again with `ragfactory model pull`, which compares its SHA-256"
        )
    return ModelUnavailableError(f"{path.name} cannot be loaded on {device}: {reason}", hint=hint, path=str(path))
