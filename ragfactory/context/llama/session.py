"""One llama.cpp context: a batch of tokens goes in, logits come out, and places share what they have in memory."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ragfactory.context.llama.library import forget_words, last_words, llama_cpp
from ragfactory.context.llama.planning import CPU
from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragfactory.context.llama.model import LlamaModel
    from ragfactory.context.llama.planning import Plan

BATCH_TOKENS = 2048  # the most that one decode takes
_TYPES = {"f16": "GGML_TYPE_F16", "q8_0": "GGML_TYPE_Q8_0"}


class Batch:
    """Tokens of several places for one decode, in arrays that llama.cpp reads where they are."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.size = 0
        self.outputs = 0
        self._token, self._position, self._place = (np.zeros(capacity, dtype=np.int32) for _ in range(3))
        self._output = np.zeros(capacity, dtype=np.int8)
        self._places = np.ones(capacity, dtype=np.int32)  # every token is of one place
        self._pointers = (self._place.ctypes.data + self._place.itemsize * np.arange(capacity)).astype(np.uintp)
        int32, int8 = ctypes.POINTER(ctypes.c_int32), ctypes.POINTER(ctypes.c_int8)
        self._struct = llama_cpp().llama_batch(
            token=self._token.ctypes.data_as(int32),
            pos=self._position.ctypes.data_as(int32),
            n_seq_id=self._places.ctypes.data_as(int32),
            seq_id=self._pointers.ctypes.data_as(ctypes.POINTER(int32)),
            logits=self._output.ctypes.data_as(int8),
        )

    @property
    def room(self) -> int:
        """How many tokens it still takes."""
        return self.capacity - self.size

    def clear(self) -> None:
        """Empty it."""
        self.size = self.outputs = 0

    def add(self, place: int, start: int, tokens: NDArray[np.int32], *, output: bool) -> None:
        """Add tokens of a place from its position `start` on; with `output`, logits are wanted of the last."""
        rows = slice(self.size, self.size + len(tokens))
        self._token[rows] = tokens
        self._position[rows] = np.arange(start, start + len(tokens))
        self._place[rows] = place
        self._output[rows] = 0
        self._output[rows.stop - 1] = output
        self.size = rows.stop
        self.outputs += output

    def as_struct(self) -> Any:
        """It, as `llama_decode` takes it."""
        self._struct.n_tokens = self.size
        return self._struct


class Session:
    """Memory for `plan.context` tokens in places 0 to `plan.width`; a token that several places hold takes its memory once."""

    def __init__(self, model: LlamaModel, plan: Plan, device: str) -> None:
        """Raises ModelUnavailableError when there is no memory for it."""
        library = self._library = llama_cpp()
        params = library.llama_context_default_params()
        params.n_ctx = plan.context
        params.n_batch = min(BATCH_TOKENS, plan.context)
        params.n_ubatch = min(plan.ubatch, plan.context)
        params.n_seq_max = plan.width + 1
        params.n_outputs_max = plan.outputs
        params.kv_unified = True
        params.swa_full = True  # a prefix is kept whole, also where a model looks back only so far
        params.type_k = params.type_v = getattr(library, _TYPES[plan.kv])
        flash = (library.LLAMA_FLASH_ATTN_TYPE_DISABLED, library.LLAMA_FLASH_ATTN_TYPE_ENABLED)
        params.flash_attn_type = flash[plan.flash]
        params.n_threads = params.n_threads_batch = len(os.sched_getaffinity(0))
        params.offload_kqv = params.op_offload = device != CPU
        params.no_perf = True
        forget_words()
        self._handle = library.llama_init_from_model(model.handle, params)
        if not self._handle:
            raise ModelUnavailableError(
                f"{model.path.name}: no memory on {device} for {plan.context} tokens: {last_words()}",
                hint="free memory of the device, or choose a smaller model",
                path=str(model.path),
            )
        self._memory = library.llama_get_memory(self._handle)
        self._vocabulary = model.vocabulary.size
        self.context: int = library.llama_n_ctx(self._handle)
        self.batch = Batch(library.llama_n_batch(self._handle))

    def decode(self) -> bool:
        """Evaluate the batch. False when there is no memory for its tokens: nothing was done then.

        Raises MemoryError when the device has no memory to compute in, RuntimeError for any other failure.
        """
        code = self._library.llama_decode(self._handle, self.batch.as_struct())
        if code == 0:
            return True
        if code == 1:
            return False
        message = f"llama_decode of {self.batch.size} tokens failed with {code}: {last_words()}"
        raise MemoryError(message) if code == -2 else RuntimeError(message)

    def logits(self) -> NDArray[np.float32]:
        """Those that the latest batch wanted, in its order: `(outputs, vocabulary)`; valid until the next decode."""
        pointer = self._library.llama_get_logits(self._handle)
        return np.ctypeslib.as_array(pointer, shape=(self.batch.outputs, self._vocabulary))

    def share(self, place: int) -> None:
        """Let a place, which is empty, hold all that place 0 holds."""
        self._library.llama_memory_seq_cp(self._memory, 0, place, -1, -1)

    def forget(self, place: int, start: int = 0) -> None:
        """Drop what a place holds from a position on; what others hold too stays with them."""
        done = self._library.llama_memory_seq_rm(self._memory, place, start, -1)
        assert done, "a memory of attention alone forgets from any position on"

    def clear(self) -> None:
        """Drop what all places hold."""
        self._library.llama_memory_clear(self._memory, False)

    def close(self) -> None:
        """Free it."""
        if self._handle:
            self._library.llama_free(self._handle)
            self._handle = None
