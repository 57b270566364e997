"""Ending workers that outlived their run, and nothing else."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.fleet.marks import MarkedProcess, ancestors, marked_process, marked_processes

if TYPE_CHECKING:
    from collections.abc import Iterator

_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker that was told to end; `killed` when it had to be made to."""

    worker: MarkedProcess
    killed: bool


def end_orphans(grace_s: float = _GRACE_S) -> list[Ended]:
    """End every worker whose run is gone; those that do not within `grace_s` seconds are killed."""
    with ExitStack() as stack:
        orphans = [(worker, stack.enter_context(closing(handle))) for worker, handle in _orphans()]
        for _, handle in orphans:
            handle.send(signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        return [Ended(worker, killed=_kill_at(deadline, handle)) for worker, handle in orphans]


def _orphans() -> Iterator[tuple[MarkedProcess, _Handle]]:
    """Workers that have their run no longer above them. A handle is taken before they are looked at once more, so it is theirs."""
    for worker in marked_processes():
        try:
            handle = _Handle(worker.pid)
        except ProcessLookupError:
            continue
        if marked_process(worker.pid) == worker and worker.parent not in ancestors(worker.pid):
            yield worker, handle
        else:
            handle.close()


def _kill_at(deadline: float, handle: _Handle) -> bool:
    """Wait for a process to end; true when it had to be killed for that."""
    if handle.wait(max(deadline - time.monotonic(), 0.0)):
        return False
    handle.send(signal.SIGKILL)
    handle.wait(_GRACE_S)
    return True


class _Handle:
    """A hold on one process that no other can take the place of (a pidfd)."""

    def __init__(self, pid: int) -> None:
        """Raises ProcessLookupError."""
        self._descriptor = os.pidfd_open(pid)

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # it just ended by itself
            signal.pidfd_send_signal(self._descriptor, number)

    def wait(self, seconds: float) -> bool:
        """Whether the process ended within that time."""
        return bool(select.select([self._descriptor], [], [], seconds)[0])

    def close(self) -> None:
        os.close(self._descriptor)
