"""Child processes that do the work a hostile or broken file could turn against us, under limits of memory and time.

Requests and answers travel as JSON bytes, so nothing a child sends can do more than fail to parse. A child that outlives its
time or dies takes one file with it; it is replaced and the run goes on.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import multiprocessing
import os
import queue
import resource
import signal
import threading
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Self

import orjson

from ragfactory.errors import (
    DocumentError,
    DocumentTooLargeError,
    ParserCrashedError,
    ParserTimeoutError,
    RagfactoryError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

    from ragfactory.config import Limits

logger = logging.getLogger(__name__)

_TICK_S = 0.2  # how often deadlines are looked at
_GRACE_S = 2.0  # what a child gets to leave by itself
_ACCEPTED, _REFUSED = b"+", b"-"  # the first byte of an answer


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
        """`target` is `module:function`: called once in each child with `setup`, it returns the function that answers jobs."""
        self._serve_arguments = (target, orjson.dumps(setup), limits.memory_mb, str(log))
        self._limits = limits
        self._log = log
        self._count = workers
        self._window = 4 * workers
        self._children: list[_Child] = []
        self._stop = threading.Event()

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """The outcome of each job, in order. At most four jobs a worker are taken ahead of the consumer."""
        outcomes: queue.Queue[Outcome | BaseException | None] = queue.Queue(maxsize=self._window)
        driver = threading.Thread(target=self._drive, args=(iter(jobs), outcomes), name="sandbox", daemon=True)
        driver.start()
        try:
            while (outcome := outcomes.get()) is not None:
                if isinstance(outcome, BaseException):
                    raise outcome
                yield outcome
        finally:
            self._stop.set()
            driver.join()

    def close(self) -> None:
        """End the children."""
        for child in self._children:
            child.close()
        self._children.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _drive(self, jobs: Iterator[Job], outcomes: queue.Queue[Outcome | BaseException | None]) -> None:
        pending: deque[_Slot] = deque()
        try:
            exhausted = False
            while not self._stop.is_set() and (pending or not exhausted):
                while not exhausted and len(pending) < self._window and (child := self._idle_child()):
                    if (job := next(jobs, None)) is None:
                        exhausted = True
                        break
                    slot = _Slot(job)
                    pending.append(slot)
                    child.start(slot)
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
            if child.slot is None:
                return child
        if len(self._children) < self._count:
            self._children.append(_Child(self._serve_arguments, self._limits.seconds, self._log))
            return self._children[-1]
        return None

    def _collect(self) -> None:
        """Wait a moment for answers, and give up on children that died or are past their deadline."""
        busy = {child.connection: child for child in self._children if child.slot is not None}
        if not busy:
            return
        for connection in wait(list(busy), timeout=_TICK_S):
            child = busy.pop(connection)  # type: ignore[call-overload]
            if not child.receive():
                self._children.remove(child)
        for child in busy.values():
            if time.monotonic() > child.deadline:
                child.give_up(
                    ParserTimeoutError(
                        f"not read within {self._limits.seconds:g} s",
                        hint="raise limits.seconds in config.toml, or split the file",
                    )
                )
                self._children.remove(child)


class _Child:
    """One child process and the job it has."""

    def __init__(self, serve_arguments: tuple[Any, ...], seconds: float, log: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.slot: _Slot | None = None
        self.deadline = 0.0
        self._seconds = seconds
        self._log = log
        self._process = context.Process(
            target=_serve, args=(theirs, *serve_arguments), name="ragfactory-parser", daemon=True
        )
        self._process.start()
        theirs.close()

    def start(self, slot: _Slot) -> None:
        """Give the child a job."""
        self.slot = slot
        self.deadline = time.monotonic() + self._seconds
        with contextlib.suppress(BrokenPipeError):  # a child that is gone shows itself when its answer is read
            self.connection.send_bytes(orjson.dumps(slot.job.argument))

    def receive(self) -> bool:
        """Take the answer that is there. False when the child died instead of answering."""
        assert self.slot is not None
        try:
            data = self.connection.recv_bytes()
        except (EOFError, ConnectionResetError):
            self._process.join(_GRACE_S)
            how = _describe_exit(self._process.exitcode)
            self.give_up(ParserCrashedError(f"its parser died ({how})", hint=f"{self._log} may say more"))
            return False
        accepted, answer = data[:1] == _ACCEPTED, data[1:]
        job = self.slot.job
        self.slot.outcome = Outcome(job, answer) if accepted else Outcome(job, error=_error(answer))
        self.slot = None
        return True

    def give_up(self, error: RagfactoryError) -> None:
        """End the child and answer its job with an error."""
        assert self.slot is not None
        self.slot.outcome = Outcome(self.slot.job, error=error)
        self.close()

    def close(self) -> None:
        """End the child: at once when it has a job, else by closing its input."""
        self.connection.close()
        if self.slot is not None:
            self._process.kill()
        self._process.join(_GRACE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


class RemoteDocumentError(DocumentError):
    """A DocumentError that was raised in a child, with the code it had there."""

    def __init__(self, message: str, *, code: str, hint: str | None) -> None:
        super().__init__(message, hint=hint)
        self.code = code  # type: ignore[misc]


def _error(answer: bytes) -> RemoteDocumentError:
    raw = orjson.loads(answer)
    return RemoteDocumentError(raw["message"], code=raw["code"], hint=raw["hint"])


def _describe_exit(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit status {code}"


def _serve(connection: Connection[Any, Any], target: str, setup: bytes, memory_mb: int, log: str) -> None:
    """The child: take a request, answer it, until the parent closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)  # what native libraries print belongs in the log, not on the user's screen
    os.dup2(descriptor, 2)
    logging.basicConfig(format="%(asctime)s %(process)d %(levelname)s %(message)s", level=logging.WARNING)
    module, _, name = target.partition(":")
    function = getattr(importlib.import_module(module), name)(orjson.loads(setup))
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 2**20, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            argument = orjson.loads(connection.recv_bytes())
        except EOFError:
            return
        connection.send_bytes(_answer(function, argument))


def _answer(function: Any, argument: dict[str, Any]) -> bytes:
    try:
        answer: bytes = function(argument)
    except RagfactoryError as error:
        return _refuse(error)
    except MemoryError:
        return _refuse(
            DocumentTooLargeError(
                "it needs more memory than one file may use", hint="raise limits.memory_mb in config.toml"
            )
        )
    except Exception as error:
        logger.exception("reading %s", argument)
        return _refuse(
            DocumentError(f"its parser failed: {type(error).__name__}: {error}", hint="the log has the details")
        )
    return _ACCEPTED + answer


def _refuse(error: RagfactoryError) -> bytes:
    return _REFUSED + orjson.dumps({"code": error.code, "message": str(error.message), "hint": error.hint})
