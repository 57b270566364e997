"""llama.cpp's Python binding: imported when first needed, silent, its last words kept for the messages of errors."""

from __future__ import annotations

import ctypes
import functools
import os
from collections import deque
from typing import Any

from ragfactory.errors import MissingExtraError, ModelUnavailableError

EXTRA = "llm"
SPIN_COUNT = "GOMP_SPINCOUNT"  # how often an OpenMP thread looks whether the others are done before it sleeps

_said: deque[str] = deque(maxlen=8)  # its warnings and errors


@functools.cache
def llama_cpp() -> Any:
    """The module, its log taken over and its backends loaded.

    Raises MissingExtraError when it is not installed, ModelUnavailableError when its shared library does not load.
    """
    # Read when the library is loaded. Left to themselves, threads spin for so long that half of the time is lost as soon as another
    # process is busy on one of the cores. With so few, they are as fast alone, and up to 1.7 times faster then.
    os.environ.setdefault(SPIN_COUNT, "1000")
    try:
        import llama_cpp as module
    except ImportError as error:
        raise MissingExtraError("llama-cpp-python", EXTRA) from error
    except (OSError, RuntimeError) as error:
        raise ModelUnavailableError(
            f"llama-cpp-python does not load: {error}",
            hint="install it again for this machine: `pip install --force-reinstall --no-cache-dir llama-cpp-python`",
        ) from error
    module.llama_log_set(_LISTENER, ctypes.c_void_p())
    module.llama_backend_init()
    return module


def forget_words() -> None:
    """Start anew with what llama.cpp says."""
    _said.clear()


def last_words() -> str:
    """What llama.cpp said since, its last lines on one line."""
    lines = "".join(_said).splitlines()
    return "; ".join(line.strip() for line in lines if line.strip())


_WARNING, _ERROR, _CONTINUED = 3, 4, 5  # of ggml_log_level


def _listen(level: int, text: bytes, _data: object) -> None:
    if level in {_WARNING, _ERROR}:
        _said.append(text.decode(errors="replace"))
    elif level == _CONTINUED and _said:
        _said[-1] += text.decode(errors="replace")


# It has to live as long as the library, which calls it from any thread.
_LISTENER = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(_listen)
