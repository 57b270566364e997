"""What contexts cost by a language model in this process, against loops over llama-cpp-python's own `Llama`.

    python -m benchmarks.enrich [--size 60m|1b|8b] [--model FILE.gguf] [--device cpu|cuda]

In one run, with the same model and prompts: a loop that puts the chunk before its document, as many do; one that puts the document
first, whose part `Llama` then keeps from prompt to prompt; and ragfactory's at several widths. Without --model, one with random
weights is made on the spot. Its answers run to the cap, so all write the same number of tokens.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.enrich_model import SIZES, prompts, write_random_gguf
from ragfactory.context.llama.chat import ChatTemplate
from ragfactory.context.llama.engine import LlamaEngine
from ragfactory.context.llama.memory import free_mb
from ragfactory.context.llama.model import LlamaModel, read_shape
from ragfactory.context.llama.planning import Wish, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.context.llama.planning import Plan
    from ragfactory.context.prompt import Prompt

WIDTHS = (1, 4, 8, 16)


@dataclass(frozen=True, slots=True)
class Rate:
    """What one way took for how many chunks and written tokens."""

    name: str
    chunks: int
    tokens: int
    seconds: float

    @property
    def per_minute(self) -> float:
        """Chunks in a minute."""
        return 60 * self.chunks / self.seconds


def loop(name: str, path: Path, device: str, documents: Sequence[Sequence[Prompt]], made: Plan) -> Rate:
    """A loop over the high-level `Llama`, prompt by prompt, with the same tokens that ragfactory makes."""
    import llama_cpp

    with LlamaModel.open_vocabulary(path) as model:
        template = ChatTemplate(model)
        asked = [template.tokens(prompt, made.prompt) for document in documents for prompt in document]
    threads = len(os.sched_getaffinity(0))
    llama = llama_cpp.Llama(
        str(path),
        n_ctx=made.prompt + made.answer,
        n_gpu_layers=0 if device == "cpu" else -1,
        n_threads=threads,
        n_threads_batch=threads,
        flash_attn=made.flash,
        verbose=False,
    )
    written = 0
    started = time.perf_counter()
    for prompt in asked:
        tokens = [*prompt.prefix.tolist(), *prompt.own.tolist()]
        answer = llama.create_completion(tokens, max_tokens=made.answer, temperature=0.0)
        written += answer["usage"]["completion_tokens"]
    seconds = time.perf_counter() - started
    llama.close()
    return Rate(name, len(asked), written, seconds)


def chunk_first(documents: Sequence[Sequence[Prompt]]) -> list[list[Prompt]]:
    """The same prompts with the chunk before the document, so that no two have a beginning in common."""
    return [
        [replace(prompt, shared=f"{prompt.own}\n\n", own=prompt.shared) for prompt in document]
        for document in documents
    ]


def batched(path: Path, device: str, documents: Sequence[Sequence[Prompt]], made: Plan) -> Rate:
    """Ragfactory's."""
    asked = [prompt for document in documents for prompt in document]
    with LlamaEngine(path, device, made) as engine:
        started = time.perf_counter()
        written = sum(completion.written for _, completion in engine.complete(asked))
        seconds = time.perf_counter() - started
        print(f"  {made.width} at a time: {engine.counts}")
    return Rate(f"ragfactory, {made.width} at a time", len(asked), written, seconds)


def measure(path: Path, asked: argparse.Namespace) -> list[Rate]:
    """Every way, one after the other."""
    documents = prompts(asked.documents, asked.chunks, shared=asked.shared, own=asked.own)
    shape, free = read_shape(path), free_mb(asked.device)
    wish = Wish(shared=asked.shared + asked.own, own=asked.own * 2, answer=asked.answer)
    plans = [plan(shape, free, replace(wish, width=width), device=asked.device) for width in asked.widths]
    for made in plans:
        print(f"  {made}")
    few = [document[: asked.slow_chunks] for document in documents]
    return [
        loop("loop, chunk first", path, asked.device, chunk_first(few), plans[0]),
        loop("loop, document first", path, asked.device, documents, plans[0]),
        *(batched(path, asked.device, documents, made) for made in plans),
    ]


def show(rates: Sequence[Rate]) -> None:
    """Print the table."""
    slowest, reusing = rates[:2]
    print(
        f"\n{'':28}{'chunks':>7}{'seconds':>9}{'chunks/min':>12}{'tokens/min':>12}{'x chunk 1st':>13}{'x doc. 1st':>12}"
    )
    for rate in rates:
        print(
            f"{rate.name:28}{rate.chunks:7}{rate.seconds:9.1f}{rate.per_minute:12.1f}{60 * rate.tokens / rate.seconds:12,.0f}"
            f"{rate.per_minute / slowest.per_minute:13.2f}{rate.per_minute / reusing.per_minute:12.2f}"
        )


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.enrich", description="What contexts by a model cost.")
    parser.add_argument("--size", choices=SIZES, default="60m", help="of the model that is made")
    parser.add_argument("--model", type=Path, help="a GGUF to use instead")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--documents", type=int, default=2)
    parser.add_argument("--chunks", type=int, default=24, help="of a document")
    parser.add_argument("--slow-chunks", type=int, default=3, help="of a document that the slowest loop is measured on")
    parser.add_argument("--shared", type=int, default=4000, help="tokens of a document's part")
    parser.add_argument("--own", type=int, default=200, help="tokens of a chunk's part")
    parser.add_argument("--answer", type=int, default=60, help="tokens of an answer")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = asked.model or Path(folder) / f"{asked.size}.gguf"
        if asked.model is None:
            write_random_gguf(path, SIZES[asked.size])
        print(f"{path.name}, {path.stat().st_size / 2**20:,.0f} MiB, on {asked.device}")
        show(measure(path, asked))


if __name__ == "__main__":
    main()
