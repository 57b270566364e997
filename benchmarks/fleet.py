"""Is every device busy? Eight simulated cards do the same work under three ways of sharing it out; then two real workers embed on
this CPU, next to one. Prints tables.

    python -m benchmarks.fleet

A device is a real worker process that sleeps for every token as long as a card would work on it. The fleet's figures are
measured, with all that passes between processes. The two baselines are worked out for the same lengths and cost nothing but
their devices' time: equal slices, and pieces of the size that sentence-transformers' multi-process pool makes, from one queue.

Efficiency is the time that devices work over eight times the time until the last is done; the ratio is to equal slices.
"""

from __future__ import annotations

import heapq
import math
import os
import random
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ragfactory.embedding.catalog import ALL_MINILM_L6_V2
from ragfactory.embedding.locate import resolve
from ragfactory.embedding.serving import TARGET, setup_of, vectors_of
from ragfactory.fleet.model import Device, Verdict
from ragfactory.fleet.process import Job
from ragfactory.fleet.scheduler import BATCH_TOKENS, Fleet
from ragfactory.fleet.work import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


DEVICES = 8
TOKEN_S = 5e-5  # 20,000 tokens a second; a slower card is easier to keep busy
VECTOR_BYTES = 4096
RUNS = 5
WORDS = ["the", "building", "was", "valued", "at", "its", "market", "price", "while", "rent", "and", "costs", "rose"]


class Always:
    """Devices that may always work, and are nobody else's."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = devices

    def judge(self) -> Sequence[Verdict]:
        """All of them."""
        return [Verdict(device, eligible=True, reason="simulated") for device in self._devices]

    def claim(self, _device: Device) -> bool:
        """Always."""
        return True

    def bench(self, device: Device, reason: str) -> None:
        """Nobody asks."""

    def note(self, device: Device, document: str | None, *, working: bool) -> None:
        """Nobody asks."""

    def release(self, device: Device) -> None:
        """Nobody waits for it."""


def answerer(_setup: dict[str, object], _backend: str) -> Callable[[Sequence[bytes]], list[bytes]]:
    """What the workers serve: an answer as large as a vector."""
    return lambda payloads: [bytes(VECTOR_BYTES)] * len(payloads)


def work(_device: str, _payloads: list[bytes], tokens: int) -> None:
    """The workers' hook: what a card would do."""
    time.sleep(tokens * TOKEN_S)


def mixed_lengths(count: int, seed: int) -> list[int]:
    """Tokens of chunks, document after document: reviews, reports, accounts with long tables, and now and then a very long text."""
    rng = random.Random(seed)
    lengths: list[int] = []
    while len(lengths) < count:
        typical = rng.choice([50, 220, 420])
        chunks = rng.randint(3, 150)
        lengths += [
            2000 if rng.random() < 0.005 else max(8, round(rng.gauss(typical, typical / 4))) for _ in range(chunks)
        ]
    return lengths[:count]


def efficiency(lengths: Sequence[int], makespan_s: float) -> float:
    """The part of the devices' time until `makespan_s` in which they worked."""
    return sum(lengths) * TOKEN_S / (DEVICES * makespan_s)


def from_a_queue(pieces: Sequence[Sequence[int]]) -> float:
    """Seconds until devices that take piece after piece have done all."""
    busy_until = [0.0] * DEVICES
    for piece in pieces:
        heapq.heapreplace(busy_until, busy_until[0] + sum(piece) * TOKEN_S)
    return max(busy_until)


def equal_slices(lengths: Sequence[int]) -> float:
    """Seconds when every device gets one slice of the same number of texts."""
    size = math.ceil(len(lengths) / DEVICES)
    return from_a_queue([lengths[start : start + size] for start in range(0, len(lengths), size)])


def sentence_transformers_pool(lengths: Sequence[int]) -> float:
    """Seconds with the pieces of `SentenceTransformer.encode(device=[...])`, whose size is by number, as of version 6."""
    size = max(1, min(math.ceil(len(lengths) / DEVICES / 10), 5000))
    return from_a_queue([lengths[start : start + size] for start in range(0, len(lengths), size)])


def measured(fleet: Fleet, lengths: Sequence[int]) -> float:
    """Seconds that the fleet takes, by the clock."""
    items = [Item(str(n), length, b"x" * 4 * length) for n, length in enumerate(lengths)]
    started = time.perf_counter()
    fleet.map(items)
    return time.perf_counter() - started


def report(title: str, lengths: Sequence[int], fleet: Fleet, runs: int) -> None:
    """Print the table for some lengths."""
    slices = equal_slices(lengths)
    rows = {
        "equal slices": slices,
        "sentence-transformers' pool": sentence_transformers_pool(lengths),
        "the fleet (measured)": statistics.median(measured(fleet, lengths) for _ in range(runs)),
    }
    print(f"\n{title}: {sum(lengths):,} tokens on {DEVICES} devices")
    print(f"{'':30}{'seconds':>9}{'efficiency':>12}{'ratio':>8}")
    for name, seconds in rows.items():
        print(f"{name:30}{seconds:9.3f}{efficiency(lengths, seconds):12.3f}{slices / seconds:8.2f}")


def workers_on_the_cpu(folder: Path) -> None:
    """Print what two workers make of the cores of this machine, next to one that has them all."""
    model = resolve(ALL_MINILM_L6_V2.name, folder)
    rng = random.Random(3)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(20, 200))) for _ in range(400)]
    items = [Item(str(n), len(text.split()), text.encode()) for n, text in enumerate(texts)]
    seconds, made = {}, {}
    for workers in (1, 2):
        os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // workers))
        job = Job(TARGET, setup_of(model), "benchmark", folder / "workers.log")
        with Fleet(job, Always([Device(f"cpu:{n}") for n in range(workers)]), lambda _event: None) as fleet:
            fleet.map([replace(item, weight=BATCH_TOKENS) for item in items[: 2 * workers]])  # has every worker started
            started = time.perf_counter()
            answers = fleet.map(items)
            seconds[workers] = time.perf_counter() - started
        made[workers] = vectors_of([answer for answer in answers if isinstance(answer, bytes)], model.spec.dimension)
    print(f"\nReal workers on {os.cpu_count()} cores: {len(texts)} texts with {model.spec.name}")
    for workers, took in seconds.items():
        print(f"{f'{workers} worker' + 's' * (workers > 1):30}{took:9.3f} s{seconds[1] / took:8.2f}")
    print(f"largest difference of any number: {np.abs(made[1] - made[2]).max():.1e}")


def main() -> None:
    """Print the tables for a night's work and for one document."""
    here = Path(__file__)
    os.environ["PYTHONPATH"] = str(here.parent)
    os.environ["RAGFACTORY_DEVICE_HOOK"] = f"{here.stem}:work"
    rng = random.Random(2)
    document = [rng.randint(40, 500) for _ in range(150)]
    with tempfile.TemporaryDirectory() as folder:
        job = Job(f"{here.stem}:answerer", {}, "benchmark", Path(folder) / "workers.log")
        cards = [Device(f"sim{n}", f"GPU-{n}") for n in range(DEVICES)]
        with Fleet(job, Always(cards), lambda _event: None) as fleet:
            measured(fleet, [2000] * DEVICES)  # has every worker started
            report("5,000 mixed chunks", mixed_lengths(5000, seed=1), fleet, runs=1)
            report("One document of 150 chunks", document, fleet, runs=RUNS)
        del os.environ["RAGFACTORY_DEVICE_HOOK"]
        workers_on_the_cpu(Path(folder))


if __name__ == "__main__":
    main()
