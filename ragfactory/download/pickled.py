"""Weights that a repository has as a pickle only, made into safetensors once, when they are fetched.

A pickle can run code. So this is done only with a file whose SHA-256 the catalogue knows, and by PyTorch's loader for weights
alone, which knows tensors and nothing that runs. Nothing else ever opens one.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from ragfactory.errors import MissingExtraError, ModelUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

PICKLED = "pytorch_model.bin"
_EXTRA = "minilm"


def require_converter() -> None:
    """Raise MissingExtraError where the packages are missing that make safetensors of a pickle."""
    for package in ("torch", "safetensors"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, _EXTRA)


def convert(pickled: Path, target: Path) -> None:
    """Write a pickle's tensors as safetensors, each as it is stored. Raises ModelUnavailableError where they cannot be read."""
    import pickle

    import torch
    from safetensors.torch import save_file

    try:
        state = torch.load(pickled, map_location="cpu", weights_only=True, mmap=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise ModelUnavailableError(
            f"{pickled.name}: its weights cannot be read: {str(error).splitlines()[0]}",
            hint="get the model as safetensors",
            path=str(pickled),
        ) from error
    tensors: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for name, tensor in state.items():
        if not isinstance(tensor, torch.Tensor):
            continue
        place = tensor.untyped_storage().data_ptr()
        tensors[name] = tensor.clone() if place in seen else tensor.contiguous()  # safetensors shares no memory
        seen.add(place)
    save_file(tensors, target, metadata={"format": "pt"})
