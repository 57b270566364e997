"""The tensors in safetensors files: mapped where they lie, not read.

The format: https://github.com/huggingface/safetensors#format. A mapping costs nothing until it is used, so that one query
touches those rows of the vocabulary that it needs, and processes that use one model share its memory.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    Tensor = NDArray[np.float32]

_STORED = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}


def map_tensors(files: Iterable[Path]) -> dict[str, Tensor]:
    """Every floating tensor of some files by name, float32: as it lies in the file where it is stored so, else converted.

    They may be written to, which changes no file. Raises OSError, and ValueError when a file is cut off or damaged.
    """
    return {name: tensor for file in files for name, tensor in _tensors(file).items()}


def _tensors(file: Path) -> dict[str, Tensor]:
    if file.stat().st_size < 8:
        raise ValueError(f"{file.name} is cut off")
    data = np.memmap(file, dtype=np.uint8, mode="c")
    start = 8 + int.from_bytes(data[:8].tobytes(), "little")
    if start > len(data):
        raise ValueError(f"{file.name} is cut off")
    try:
        entries = {
            name: (_STORED[entry["dtype"]], tuple(entry["shape"]), *entry["data_offsets"])
            for name, entry in orjson.loads(data[8:start].tobytes()).items()
            if entry.get("dtype") in _STORED
        }
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{file.name} has no header that can be read") from error
    tensors = {}
    for name, (stored, shape, first, last) in entries.items():
        if not 0 <= first <= last <= len(data) - start or last - first != prod(shape) * stored.itemsize:
            raise ValueError(f"{file.name} is cut off, or {name} is not of the size it says")
        tensors[name] = _float32(data[start + first : start + last], stored).reshape(shape)
    return tensors


def _float32(data: NDArray[np.uint8], stored: np.dtype[np.generic]) -> Tensor:
    values = np.asarray(data).view(stored)
    if stored == "<u2":  # the upper half of a 32-bit float
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32, copy=False)
