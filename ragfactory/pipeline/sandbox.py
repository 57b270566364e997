"""Child processes that do the work a hostile or broken file could turn against us, under limits of memory and time.

Requests and answers travel as JSON bytes, so nothing a child sends can do more than fail to parse. A child that outlives its
time or dies takes one file with it; it is replaced and the run goes on.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import orjson

from ragfactory.errors import DocumentError, ParserCrashedError, ParserTimeoutError, SandboxError
from ragfactory.pipeline import sandboxed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from multiprocessing.connection import Connection

    from ragfactory.config import Limits
    from ragfactory.errors import RagfactoryError

_TICK_S = 0.2  # how often deadlines are looked at
_START_S = 120.0  # what a child gets to start in: it imports and loads models on a machine that may be busy
_GRACE_S = 2.0  # what a child gets to leave by itself
_AHEAD = 4  # jobs a worker that may be finished before the consumer asks for them


@dataclass(frozen=True, slots=True)
class Job:
    """One call of the children's function: the file it is about, and its argument as plain data."""

    path: Path
    argument: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job: the function's answer in JSON, or the error that is reported for the file."""

    job: Job
    answer: bytes = b""
    error: RagfactoryError | None = None


@dataclass(slots=True)
class _Slot:
    """A job on its way; outcomes leave in the order in which jobs came."""

    job: Job
    outcome: Outcome | None = None


class Sandbox:
    """Runs a function over jobs in `workers` child processes; the function takes a dict and returns JSON bytes."""

    def __init__(self, target: str, setup: dict[str, Any], *, workers: int, limits: Limits, log: Path) -> None:
        """`target` is `module:function`: called once in each child with `setup`, it returns the function that answers jobs.

        What children and their libraries print goes to the file `log`.
        """
        self._start = orjson.dumps(
            {
                "target": target,
                "setup": setup,
                "memory_mb": limits.memory_mb,
                "seconds": limits.seconds,
                "log": str(log),
            }
        )
        self._seconds = limits.seconds
        self._log = log
        self._count = workers
        self._children: list[_Child] = []
        self._stop = threading.Event()
        self._driver: threading.Thread | None = None

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """The outcome of each job, in order, made ahead of the consumer up to a bound; one run at a time.

        Raises SandboxError when a child cannot even start.
        """
        return (outcome for outcome in self.ticks(jobs, None) if outcome is not None)

    def ticks(self, jobs: Iterable[Job], tick_s: float | None) -> Iterator[Outcome | None]:
        """As `run`, with a None whenever there is no outcome for `tick_s` seconds, for a consumer that has more to look after."""
        outcomes: queue.Queue[Outcome | BaseException | None] = queue.Queue(maxsize=_AHEAD * self._count)
        self._stop.clear()
        self._driver = threading.Thread(target=self._drive, args=(iter(jobs), outcomes), name="sandbox", daemon=True)
        self._driver.start()
        try:
            while True:
                try:
                    outcome = outcomes.get(timeout=tick_s)
                except queue.Empty:
                    yield None
                    continue
                if outcome is None:
                    return
                if isinstance(outcome, BaseException):
                    raise outcome
                yield outcome
        finally:
            self._halt()

    def close(self) -> None:
        """End the children, and the run if there is one."""
        self._halt()
        for child in self._children:
            child.close()
        self._children.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _halt(self) -> None:
        self._stop.set()
        if self._driver is not None:
            self._driver.join()

    def _drive(self, jobs: Iterator[Job], outcomes: queue.Queue[Outcome | BaseException | None]) -> None:
        pending: deque[_Slot] = deque()
        exhausted = False
        try:
            while not self._stop.is_set() and (pending or not exhausted):
                while not exhausted and len(pending) < _AHEAD * self._count and (child := self._idle_child()):
                    if (job := next(jobs, None)) is None:
                        exhausted = True
                    else:
                        pending.append(_Slot(job))
                        child.give(pending[-1])
                self._collect()
                while pending and pending[0].outcome is not None:
                    self._put(outcomes, pending.popleft().outcome)
            self._put(outcomes, None)
        except BaseException as error:  # noqa: BLE001 - handed to the consumer, which raises it
            self._put(outcomes, error)

    def _put(self, outcomes: queue.Queue[Any], item: object) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(queue.Full):
                outcomes.put(item, timeout=_TICK_S)
                return

    def _idle_child(self) -> _Child | None:
        for child in self._children:
            if child.slot is None and not child.is_dead:
                return child
        self._children = [child for child in self._children if child.slot is not None or not child.is_dead]
        if len(self._children) < self._count:
            self._children.append(_Child(self._start, self._seconds, self._log))
            return self._children[-1]
        return None

    def _collect(self) -> None:
        """Wait a moment for answers; a child that died or is past its deadline is given up, and replaced when needed."""
        busy = {child.connection: child for child in self._children if child.slot is not None}
        if not busy:
            return
        ready = cast("list[Connection[Any, Any]]", wait(list(busy), timeout=_TICK_S))
        for connection in ready:
            busy[connection].receive()
        for connection, child in busy.items():
            if connection not in ready and child.is_late:
                child.give_up_late()
        self._children = [child for child in self._children if not child.is_closed]


class _Child:
    """One child process and the job it has."""

    def __init__(self, start: bytes, seconds: float, log: Path) -> None:
        self.connection, theirs = Pipe()
        self.slot: _Slot | None = None
        self._seconds = seconds
        self._deadline = time.monotonic() + _START_S
        self._log = log
        self._ready = False
        package_parent = str(Path(sandboxed.__file__).parents[2])
        with theirs, log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", sandboxed.__name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[theirs.fileno()],
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, (package_parent, os.environ.get("PYTHONPATH")))),
                },
            )
        self._send(start)

    @property
    def is_late(self) -> bool:
        """Whether the child has had its time for this job."""
        return time.monotonic() > self._deadline

    @property
    def is_dead(self) -> bool:
        """Whether the process is gone, as one that was killed while it had nothing to do."""
        return self._process.poll() is not None

    @property
    def is_closed(self) -> bool:
        """Whether the child was ended."""
        return self.connection.closed

    def give(self, slot: _Slot) -> None:
        """Give the child a job."""
        self.slot = slot
        if self._ready:
            self._deadline = time.monotonic() + self._seconds
        self._send(orjson.dumps(slot.job.argument))

    def receive(self) -> None:
        """Take the answer that is there: that the child is ready, or what came of its job."""
        assert self.slot is not None
        try:
            answer = self.connection.recv_bytes()
        except (EOFError, OSError):  # it died, perhaps in the middle of its answer
            self._bury()
            return
        kind, body = answer[:1], answer[1:]
        if kind == sandboxed.READY:
            self._ready = True
            self._deadline = time.monotonic() + self._seconds
            return
        job, self_error = self.slot.job, None if kind == sandboxed.ACCEPTED else _error(body)
        self.slot.outcome = Outcome(job, error=self_error) if self_error else Outcome(job, body)
        self.slot = None

    def give_up(self, error: RagfactoryError) -> None:
        """End the child and answer its job with an error."""
        assert self.slot is not None
        self.slot.outcome = Outcome(self.slot.job, error=error)
        self.close()

    def give_up_late(self) -> None:
        """End the child, which has had its time: for its file, or, before it was ready, for starting."""
        if not self._ready:
            self.close()
            raise SandboxError(f"a parser process did not start within {_START_S:g} s", hint=f"{self._log} may say why")
        self.give_up(_late(self._seconds))

    def close(self) -> None:
        """End the child: at once when it has a job, else by closing its input."""
        self.connection.close()
        if self.slot is not None:
            self._process.kill()
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _bury(self) -> None:
        """The child died: over its file, or, before it was ready, over something that no file can be blamed for."""
        status = self._process.wait()
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        if not self._ready:
            self.close()
            raise SandboxError(
                f"a parser process cannot start ({how})", hint=f"{self._log} says why; `ragfactory doctor` may help"
            )
        # Its own clock comes first when outcomes wait to be taken, and nobody looks at ours meanwhile.
        if status == -signal.SIGALRM:
            self.give_up(_late(self._seconds))
        else:
            self.give_up(ParserCrashedError(f"its parser died ({how})", hint=f"{self._log} may say more"))

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):  # a child that is gone shows itself when its answer is read
            self.connection.send_bytes(data)


def _late(seconds: float) -> ParserTimeoutError:
    return ParserTimeoutError(
        f"not read within {seconds:g} s", hint="raise limits.seconds in config.toml, or split the file"
    )


class RemoteDocumentError(DocumentError):
    """A DocumentError that was raised in a child, with the code it had there."""

    def __init__(self, message: str, *, code: str, hint: str | None) -> None:
        super().__init__(message, hint=hint)
        self.code = code  # type: ignore[misc]


def _error(answer: bytes) -> RemoteDocumentError:
    raw = orjson.loads(answer)
    return RemoteDocumentError(raw["message"], code=raw["code"], hint=raw["hint"])
