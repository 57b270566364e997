"""The ways to have contexts written that are compared, each measured by the clock and by the CPU time of its process."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ragfactory.context.llama.chat import ChatTemplate
from ragfactory.context.llama.engine import LlamaEngine
from ragfactory.context.llama.library import SPIN_COUNT, llama_cpp
from ragfactory.context.llama.memory import free_mb
from ragfactory.context.llama.model import LlamaModel
from ragfactory.context.llama.planning import CPU

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ragfactory.context.llama.planning import Plan
    from ragfactory.context.prompt import Prompt


@dataclass(slots=True)
class Spent:
    """Seconds by the clock, and those in which a core was busy with it."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Rate:
    """What one way took for how many chunks and written tokens."""

    name: str
    chunks: int
    tokens: int
    spent: Spent


@contextmanager
def measured() -> Iterator[Spent]:
    """What the block takes of this process."""
    spent = Spent()
    started, busy = time.perf_counter(), time.process_time()
    yield spent
    spent.seconds, spent.cpu_seconds = time.perf_counter() - started, time.process_time() - busy


def loop(name: str, path: Path, device: str, documents: Sequence[Sequence[Prompt]], made: Plan) -> Rate:
    """A loop over the high-level `Llama`, prompt by prompt, with the same tokens that ragfactory makes; in a process of its own."""
    os.environ.pop(SPIN_COUNT, None)  # ragfactory's choice, which a loop does not have
    from llama_cpp import Llama

    with LlamaModel.open_vocabulary(path) as model:
        template = ChatTemplate(model)
        asked = [template.tokens(prompt, made.prompt) for document in documents for prompt in document]
    threads = len(os.sched_getaffinity(0))
    llama = Llama(
        str(path),
        n_ctx=made.prompt + made.answer,
        n_gpu_layers=0 if device == CPU else -1,
        n_threads=threads,
        n_threads_batch=threads,
        flash_attn=made.flash,
        verbose=False,
    )
    written = 0
    with measured() as spent:
        for prompt in asked:
            tokens = [*prompt.prefix.tolist(), *prompt.own.tolist()]
            answer = llama.create_completion(tokens, max_tokens=made.answer, temperature=0.0)
            written += answer["usage"]["completion_tokens"]
    llama.close()
    return Rate(name, len(asked), written, spent)


def in_a_process(way: Callable[[], Rate]) -> Rate:
    """What a way takes in a new process, so that none finds what another left behind, such as threads and their settings."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(way).result()


def chunk_first(documents: Sequence[Sequence[Prompt]]) -> list[list[Prompt]]:
    """The same prompts with the chunk before the document, so that no two have a beginning in common."""
    return [
        [replace(prompt, shared=f"{prompt.own}\n\n", own=prompt.shared) for prompt in document]
        for document in documents
    ]


def batched(path: Path, device: str, documents: Sequence[Sequence[Prompt]], made: Plan) -> Rate:
    """Ragfactory's."""
    asked = [prompt for document in documents for prompt in document]
    before = _memory_mb(device)
    with LlamaEngine(path, device, made) as engine:
        with measured() as spent:
            written = sum(completion.written for _, completion in engine.complete(asked))
        taken = _memory_mb(device) - before
        print(f"  {made.width} at a time: {made.needed_mb:,} MiB planned, {taken:,} MiB taken; {engine.counts}")
    return Rate(f"ragfactory, {made.width} at a time", len(asked), written, spent)


def device_name(device: str) -> str:
    """`cpu` with the number of its cores that may be used, or what the card calls itself."""
    if device == CPU:
        return f"{len(os.sched_getaffinity(0))} CPU core(s)"
    llama_cpp()  # has its backends loaded
    from llama_cpp._ggml import libggml

    libggml.ggml_backend_dev_by_type.restype = ctypes.c_void_p
    libggml.ggml_backend_dev_description.restype = ctypes.c_char_p
    card = libggml.ggml_backend_dev_by_type(1)  # GGML_BACKEND_DEVICE_TYPE_GPU
    return "no card" if not card else libggml.ggml_backend_dev_description(ctypes.c_void_p(card)).decode()


def _memory_mb(device: str) -> int:
    """What is taken of the device's memory: all of a card's by anyone, or this process's; only differences say something."""
    if device != CPU:
        return -free_mb(device)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20
