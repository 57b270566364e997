"""Torch, when it is needed: its import, the devices it sees, and weights on one of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from ragfactory.embedding.locate import EXTRA
from ragfactory.errors import MissingExtraError, ModelUnavailableError

if TYPE_CHECKING:
    from types import ModuleType

    import torch

    from ragfactory.embedding.transformer import Weights

Precision = Literal["float32", "bfloat16"]


def import_torch() -> ModuleType:
    """The module torch. Raises MissingExtraError when it is not installed."""
    # Read when torch is first imported. Threads that spin while they wait make everything many times slower as soon as another
    # process, such as a parser, is busy on one of the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", EXTRA) from error
    return torch


def fast_precision(device: str) -> Precision:
    """bfloat16 where the device multiplies it at a multiple of the speed of float32, else float32."""
    # Dynamic int8 multiplies as fast as bfloat16, but with it all-MiniLM-L6-v2 has another nearest passage for one in ten (cosines
    # with its own float32 vectors are 0.985 and more, those of bfloat16 0.9999): too dear where float32 is only slower.
    torch = import_torch()
    if torch.device(device).type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()  # noqa: SLF001 - no public name yet
    return "bfloat16" if native else "float32"


def on_device(weights: Weights, device: str, dtype: torch.dtype | None = None) -> dict[str, torch.Tensor]:
    """Weights as tensors on a device, by default in the precision they have; on the CPU such stay where they are mapped.

    Raises ModelUnavailableError when there is no such device, or no room on it.
    """
    torch = import_torch()
    try:
        return {name: torch.from_numpy(array).to(device, dtype or torch.float32) for name, array in weights.items()}
    except (RuntimeError, AssertionError) as error:
        raise ModelUnavailableError(
            f"the model cannot be put on the device {device}: {error}",
            hint="`ragfactory doctor` shows the devices there are",
        ) from error
