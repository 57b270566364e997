"""The parent's end of a worker: it starts the process, talks to it without ever waiting for it, and ends it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragfactory.fleet import worker
from ragfactory.fleet.frames import FrameReader, pack
from ragfactory.fleet.marks import mark
from ragfactory.fleet.model import Role

if TYPE_CHECKING:
    from ragfactory.fleet.frames import Frame
    from ragfactory.fleet.model import Device
    from ragfactory.fleet.work import Batch, Item

_READ_BYTES = 2**18
_DYING_S = 5.0  # what a process that closed its connection gets to be gone in, so that its status can be told
_GRACE_S = 5.0  # what a process gets to end in; one that a broken driver holds on to is left behind


@dataclass(frozen=True, slots=True)
class Job:
    """What workers do: `target` is `module:function`, loaded in the worker.

    The function is called once, with `setup` and `cuda` or `cpu`, and returns the function that answers batches: payloads in, as
    many answers out, in a list or, as they come, in an iterator of (position, answer). What workers and their libraries print
    goes to the file `log`. A worker that had nothing to do for `idle_s` seconds leaves; with None it stays. With `tells`, the
    function gets one argument more: a function for what is written of an answer, piece by piece, which become events.
    """

    target: str
    setup: dict[str, object]
    run_id: str
    log: Path
    role: Role = Role.EMBED
    idle_s: float | None = None
    tells: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long workers are waited for, in seconds. A call into a library may keep a worker from any sign of life, so one that is at
    work is late only when its batch is: after `batch_s` and what its tokens take on a slow device.
    """

    start_s: float = 300.0
    batch_s: float = 60.0
    card_token_s: float = 0.01
    cpu_token_s: float = 0.1
    silence_s: float = 30.0

    def for_batch(self, device: Device, tokens: int) -> float:
        """What a batch may take on a device."""
        return self.batch_s + tokens * (self.cpu_token_s if device.is_cpu else self.card_token_s)


class WorkerProcess:
    """A worker, and the batch that it has.

    It lives no longer than the thread that makes it: the kernel ends it with that one.
    """

    def __init__(self, device: Device, job: Job, patience: Patience) -> None:
        self.device = device
        self.batch: Batch | None = None
        self.is_ready = False
        self._answered: set[str] = set()
        self._patience = patience
        self._reader = FrameReader()
        self._outgoing = bytearray()
        self._heard = time.monotonic()
        self._deadline = 0.0
        self.socket, theirs = socket.socketpair()
        with theirs:
            self._process = _start(device, job, theirs.fileno())
        self.socket.setblocking(False)
        self._send(
            pack(
                "start",
                device=device.name,
                backend="cpu" if device.is_cpu else "cuda",
                target=job.target,
                setup=job.setup,
                idle_s=job.idle_s,
                tells=job.tells,
            )
        )

    @property
    def wants_to_write(self) -> bool:
        """Whether some of what it was sent is still here."""
        return bool(self._outgoing)

    def give(self, batch: Batch) -> None:
        """Give it a batch; it must have none."""
        assert self.batch is None, "a worker has one batch at a time"
        self.batch = batch
        self._answered.clear()
        allowed = self._allowed(batch) if self.is_ready else self._patience.start_s
        self._deadline = time.monotonic() + allowed
        self._send(pack("batch", [item.payload for item in batch.items], tokens=batch.tokens))

    def answered(self, position: int) -> Item:
        """Learn that it answered an item of its batch before it is done with all of them."""
        assert self.batch is not None, "a worker answers the batch that it has"
        item = self.batch.items[position]
        self._answered.add(item.key)
        return item

    def take_batch(self) -> Batch | None:
        """Take back the batch that it has, without what was answered; None when there is nothing left of it."""
        batch, self.batch = self.batch, None
        return batch.without(self._answered) if batch else None

    def receive(self) -> list[Frame]:
        """What came from it. Raises EOFError when it is gone, ValueError when it sends rubbish."""
        try:
            data = self.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        except ConnectionError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        self._heard = time.monotonic()
        frames = []
        for frame in self._reader.feed(data):
            self.is_ready |= frame.kind == "ready"  # known also where rubbish follows
            frames.append(frame)
        if self.batch is not None and any(frame.kind in {"ready", "answer", "piece"} for frame in frames):
            self._deadline = time.monotonic() + self._allowed(self.batch)
        return frames

    def flush(self) -> None:
        """Send on what the worker was not ready to take."""
        with suppress(BlockingIOError, ConnectionError):  # one that is gone shows itself when it is read from
            while self._outgoing:
                del self._outgoing[: self.socket.send(self._outgoing)]

    def lateness(self) -> str | None:
        """Why it is taken to hang, in words; None when it is not."""
        now = time.monotonic()
        if self.batch is None:
            silent = now - self._heard
            return f"no sign of life for {silent:.0f} s" if silent > self._patience.silence_s else None
        if now <= self._deadline:
            return None
        if not self.is_ready:
            return f"it did not load its model within {self._patience.start_s:g} s"
        return f"no answer within {self._allowed(self.batch):.0f} s, over {self.batch.read} tokens"

    def death(self) -> str:
        """How it ended, in words, once it is gone or about to be."""
        try:
            status = self._process.wait(_DYING_S)
        except subprocess.TimeoutExpired:
            return "it closed its connection"
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"

    def kill(self) -> None:
        """End it at once. One that the kernel cannot end is left behind: `has_ended` says."""
        self.socket.close()
        self._process.kill()

    def dismiss(self) -> None:
        """Let it leave, which takes it a moment: it gives back what it holds of its device."""
        self.socket.close()

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone, and what it held of its device with it."""
        return self._process.poll() is not None

    def wait(self, deadline: float) -> None:
        """Wait for its end until a time of the monotonic clock; then it is killed."""
        for _ in range(2):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(max(0.0, deadline - time.monotonic()))
                return
            self._process.kill()
            deadline = time.monotonic() + _GRACE_S

    def _allowed(self, batch: Batch) -> float:
        return self._patience.for_batch(self.device, batch.read)

    def _send(self, message: bytes) -> None:
        self._outgoing += message
        self.flush()


def end_all(processes: list[WorkerProcess]) -> None:
    """End workers together: those that have a batch at once, the others by letting them leave."""
    for process in processes:
        process.kill() if process.batch is not None else process.dismiss()
    deadline = time.monotonic() + _GRACE_S
    for process in processes:
        process.wait(deadline)


def _start(device: Device, job: Job, descriptor: int) -> subprocess.Popen[bytes]:
    path = (str(Path(worker.__file__).parents[2]), os.environ.get("PYTHONPATH"))
    environment = {
        **os.environ,
        **mark(job.run_id),
        "CUDA_VISIBLE_DEVICES": device.uuid or "",
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
    }
    with job.log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", worker.__name__, str(descriptor), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[descriptor],
            env=environment,
        )
