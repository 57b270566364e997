"""How much memory a device has free for a model, as the device itself says."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

from ragfactory.context.llama.library import llama_cpp
from ragfactory.context.llama.planning import CPU
from ragfactory.errors import DeviceUnavailableError

_GPU = 1  # of ggml_backend_dev_type
_MIB = 2**20


def free_mb(device: str) -> int:
    """Free memory of `cpu`, or of the card that CUDA shows first, in MiB. Raises DeviceUnavailableError when there is no card."""
    if device == CPU:
        available = re.search(
            r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE
        )
        assert available is not None, "Linux tells it since 3.14"
        return int(available[1]) // 1024
    llama_cpp()  # has its backends loaded
    from llama_cpp._ggml import libggml

    libggml.ggml_backend_dev_by_type.restype = ctypes.c_void_p
    card = libggml.ggml_backend_dev_by_type(_GPU)
    if not card:
        raise DeviceUnavailableError(
            "llama.cpp finds no card: llama-cpp-python was built without CUDA, or the driver does not answer",
            hint="`CMAKE_ARGS=-DGGML_CUDA=on pip install --force-reinstall --no-cache-dir llama-cpp-python`; or use --devices cpu",
        )
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    libggml.ggml_backend_dev_memory(ctypes.c_void_p(card), ctypes.byref(free), ctypes.byref(total))
    return int(free.value) // _MIB
