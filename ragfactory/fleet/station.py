"""What the scheduler knows of one device: whether it may work, its worker, and what it has done."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragfactory.fleet.model import Device
    from ragfactory.fleet.process import WorkerProcess
    from ragfactory.fleet.work import Batch

_STUCK_S = 30.0


@dataclass(slots=True)
class Totals:
    """What a device did: items that it answered, their tokens, and the seconds that it was at work for them."""

    items: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Station:
    """A device and its worker.

    `eligible` is what the policy says, `rests` that it spoke for the device before, `called` that the CPU stands in for cards.
    `rank` is the policy's order. `todo` is work that this device is to do next, and `limit` what goes through it at once, in tokens
    with padding. A worker that was ended is in `leaving` until the process is gone: before that, its memory is not free.
    """

    device: Device
    limit: int
    rank: int = 0
    eligible: bool = False
    rests: bool = False
    called: bool = False
    lost: bool = False
    strikes: int = 0
    benched: bool = False
    not_before: float = 0.0
    worker: WorkerProcess | None = None
    leaving: list[WorkerProcess] = field(default_factory=list)
    left_at: float = 0.0
    todo: deque[Batch] = field(default_factory=deque)
    totals: Totals = field(default_factory=Totals)

    @property
    def name(self) -> str:
        """The device's name."""
        return self.device.name

    @property
    def may_work(self) -> bool:
        """Whether it may be given work at all, now or when it is done with what it has."""
        return (self.eligible or self.called) and not self.benched

    @property
    def is_free(self) -> bool:
        """Whether it could begin a batch this moment."""
        self.leaving = [process for process in self.leaving if not process.has_ended]
        busy = self.worker is not None and self.worker.batch is not None
        return not busy and not self.leaving and time.monotonic() >= self.not_before

    @property
    def is_stuck(self) -> bool:
        """Whether the kernel does not end its worker, as when the driver never answers."""
        return not self.benched and bool(self.leaving) and time.monotonic() - self.left_at > _STUCK_S

    @property
    def rate(self) -> float | None:
        """Tokens a second, as measured; None when it has done nothing yet."""
        return self.totals.tokens / self.totals.seconds if self.totals.seconds else None

    @property
    def processes(self) -> list[WorkerProcess]:
        """Its worker, if it has one, and those that are leaving."""
        return [*self.leaving, *([self.worker] if self.worker else [])]

    def next_of_its_own(self) -> Batch | None:
        """The next batch that only this device is to do, at most of a size that it can take, if there is one."""
        if not self.todo:
            return None
        batch = self.todo.popleft()
        while batch.padded > self.limit and not batch.is_lone:
            batch, rest = batch.halves(suspect=batch.suspect)
            self.todo.appendleft(rest)
        return batch

    def part_with_worker(self) -> Batch | None:
        """End the worker, if there is one, and return the batch that it had."""
        worker, self.worker = self.worker, None
        if worker is None:
            return None
        worker.kill()
        self.leaving.append(worker)
        self.left_at = time.monotonic()
        return worker.take_batch()


def shares(stations: list[Station]) -> dict[str, float]:
    """Each device's part in the work of all, by how fast it is; one that has done nothing yet counts as average."""
    known = [station.rate for station in stations if station.rate]
    average = sum(known) / len(known) if known else 1.0
    rates = {station.name: station.rate or average for station in stations}
    return {name: rate / sum(rates.values()) for name, rate in rates.items()}
