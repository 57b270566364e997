"""What contexts cost by a language model on this machine, against loops over llama-cpp-python's own `Llama` and its server.

    python -m benchmarks.enrich [--size 60m|1b|8b] [--model FILE.gguf] [--device cpu|cuda] [--peer FOLDER]

In one run, each way in a process of its own, with the same model and prompts: a loop that puts the chunk before its document, as
many do; one that puts the document first, whose part `Llama` then keeps from prompt to prompt; ragfactory's at several widths; and
ragfactory as the client of llama-cpp-python's HTTP server, which wants packages of its own:

    pip install --target FOLDER starlette uvicorn fastapi sse-starlette starlette-context pydantic-settings

It wants ragfactory's extras llm and dev. Without --model, one with random weights is made on the spot. Its answers run to the cap,
so all write the same number of tokens.
With --rounds, each way's fastest of several counts. With --clock cpu, rates count the time in which cores were busy with it, which
others on the machine hardly change.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.enrich_model import SIZES, prompts, write_random_gguf
from benchmarks.enrich_server import PACKAGES, NoServerError, served
from benchmarks.enrich_ways import batched, chunk_first, device_name, in_a_process, loop
from ragfactory.context.llama.memory import free_mb
from ragfactory.context.llama.model import read_shape
from ragfactory.context.llama.planning import Wish, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.enrich_ways import Rate

WIDTHS = (1, 4, 8, 16)
COLUMNS = (("chunks", 8), ("seconds", 9), ("CPU s", 9), ("chunks/min", 12), ("tokens/min", 12), ("tokens/s", 10))
RATIOS = (("x chunk 1st", 13), ("x doc. 1st", 12))


def measure(path: Path, asked: argparse.Namespace) -> list[Rate]:
    """Every way, one after the other, as often as asked for; of each its fastest, which others on the machine slowed down least."""
    documents = prompts(asked.documents, asked.chunks, shared=asked.shared, own=asked.own)
    shape, free = read_shape(path), free_mb(asked.device)
    wish = Wish(shared=asked.shared + asked.own, own=asked.own * 2, answer=asked.answer)
    plans = [plan(shape, free, replace(wish, width=width), device=asked.device) for width in asked.widths]
    alone = plan(shape, free, replace(wish, width=1), device=asked.device)
    for made in plans:
        print(f"  {made}", flush=True)
    few = [document[: asked.slow_chunks] for document in documents]
    ways = [
        partial(loop, "loop, chunk first", path, asked.device, chunk_first(few), alone),
        partial(loop, "loop, document first", path, asked.device, documents, alone),
        *(partial(batched, path, asked.device, documents, made) for made in plans),
    ]
    rounds = [[in_a_process(way) for way in ways] for _ in range(asked.rounds)]
    try:
        for rates in rounds:
            rates.append(served(path, asked.device, documents, alone, asked.peer))
    except NoServerError as error:
        print(f"  no row for llama_cpp.server: {error}")
        print(f"  what it wants: pip install --target FOLDER {PACKAGES}, then --peer FOLDER")
    return [min(of_a_way, key=lambda rate: _seconds(rate, asked.clock)) for of_a_way in zip(*rounds, strict=False)]


def _seconds(rate: Rate, clock: str) -> float:
    return rate.spent.cpu_seconds if clock == "cpu" else rate.spent.seconds


def show(rates: Sequence[Rate], clock: str) -> None:
    """Print the table."""
    print(f"\n{'':30}" + "".join(f"{name:>{width}}" for name, width in (*COLUMNS, *RATIOS)))
    slowest, reusing = (rate.chunks / _seconds(rate, clock) for rate in rates[:2])
    for rate in rates:
        chunks, tokens = rate.chunks / _seconds(rate, clock), rate.tokens / _seconds(rate, clock)
        print(
            f"{rate.name:30}{rate.chunks:8}{rate.spent.seconds:9.1f}{rate.spent.cpu_seconds:9.1f}{60 * chunks:12.1f}"
            f"{60 * tokens:12,.0f}{tokens:10,.1f}{chunks / slowest:13.2f}{chunks / reusing:12.2f}"
        )


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.enrich", description="What contexts by a model cost.")
    parser.add_argument("--size", choices=SIZES, default="60m", help="of the model that is made")
    parser.add_argument("--model", type=Path, help="a GGUF to use instead")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--peer", type=Path, help="a folder with the packages of llama_cpp.server")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="the time that rates and ratios count")
    parser.add_argument("--rounds", type=int, default=1, help="how often; the fastest counts")
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
        print(f"{path.name}, {path.stat().st_size / 2**20:,.0f} MiB, on {device_name(asked.device)}")
        show(measure(path, asked), asked.clock)


if __name__ == "__main__":
    main()
