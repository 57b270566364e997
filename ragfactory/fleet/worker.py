"""The inside of a worker: a process pinned to one device that loads its model at the first batch and answers batch after batch.

It is started with the descriptor of a socket and leaves when the other end of that is closed, or when its parent dies.
"""

from __future__ import annotations

import ctypes
import faulthandler
import importlib
import logging
import os
import resource
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ragfactory.errors import RagfactoryError
from ragfactory.fleet.frames import Frame, FrameReader, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HEARTBEAT_S = 1.0
# For tests: `module:function`, called before each batch with the device's name, the payloads and their tokens.
HOOK = "RAGFACTORY_DEVICE_HOOK"

_PR_SET_PDEATHSIG = 1
_READ_BYTES = 2**18
_OUT_OF_MEMORY = ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "DefaultCPUAllocator: can't allocate")

logger = logging.getLogger(__name__)


def main(descriptor: int, parent: int) -> None:
    """Serve over an inherited socket for as long as the parent lives."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it could be watched
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    logging.basicConfig(format="%(asctime)s %(process)d %(levelname)s %(message)s", level=logging.WARNING)
    with socket.socket(fileno=descriptor) as connection:
        connection.set_inheritable(False)
        with suppress(BrokenPipeError, ConnectionResetError):  # the parent is gone, or done with us
            _Worker(connection).serve()
    logging.shutdown()
    os._exit(0)  # a library's own threads shall not keep the device


class _Worker:
    """Answers the parent, and tells it every second that the process is alive."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._answer: Callable[[Sequence[bytes]], list[bytes] | Iterator[tuple[int, bytes]]] | None = None
        self._start: dict[str, Any] = {}
        self._hook = _function(os.environ[HOOK]) if os.environ.get(HOOK) else None

    def serve(self) -> None:
        """Answer batches until the parent closes its end."""
        threading.Thread(target=self._beat, daemon=True).start()
        for frame in self._frames():
            if frame.kind == "start":
                self._start = frame.data
            elif not self._serve_batch(frame):
                return

    def _frames(self) -> Iterator[Frame]:
        """What the parent sends, until it closes its end, or has sent nothing for too long."""
        reader = FrameReader()
        while select.select([self._connection], [], [], self._start.get("idle_s"))[0]:
            data = self._connection.recv(_READ_BYTES)
            if not data:
                return
            yield from reader.feed(data)
        self._send("left")

    def _serve_batch(self, frame: Frame) -> bool:
        """Answer one batch. False when this process cannot go on."""
        if self._answer is None and not self._load():
            return False
        started = time.perf_counter()
        try:
            answers = self._answers_to(frame)
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent decides what becomes of the work
            return self._tell(error)
        self._send("done", answers, seconds=time.perf_counter() - started)
        return True

    def _answers_to(self, frame: Frame) -> Sequence[bytes]:
        """The answers to a batch; none where each was sent as it came."""
        assert self._answer is not None, "it was loaded"
        if self._hook is not None:
            self._hook(self._start["device"], list(frame.parts), frame.data["tokens"])
        answers = self._answer(frame.parts)
        if isinstance(answers, list):
            if len(answers) != len(frame.parts):
                raise ValueError(f"{len(frame.parts)} answers expected, got {len(answers)}")
            return answers
        missing = set(range(len(frame.parts)))
        for position, answer in answers:
            missing.remove(position)
            self._send("answer", [answer], position=position)
        if missing:
            raise ValueError(f"{len(frame.parts)} answers expected, {len(missing)} are missing")
        return ()

    def _load(self) -> bool:
        self._send("loading")
        started = time.perf_counter()
        try:
            tell = (self._tell_piece,) if self._start["tells"] else ()
            self._answer = _function(self._start["target"])(self._start["setup"], self._start["backend"], *tell)
        except RagfactoryError as error:  # one that says what to do, and comes again whenever it is tried
            self._send("unloadable", message=error.message, hint=error.hint, final=True)
            return False
        except Exception as error:
            logger.exception("loading failed")
            self._send("unloadable", message=f"{type(error).__name__}: {error}", hint=None, final=False)
            return False
        self._send("ready", seconds=time.perf_counter() - started)
        return True

    def _tell_piece(self, piece: str) -> None:
        self._send("piece", text=piece)

    def _tell(self, error: Exception) -> bool:
        """Tell the parent what an error is about: memory, the work, or this process, which then cannot go on."""
        message = f"{type(error).__name__}: {error}"
        if _is_out_of_memory(error):
            error.__traceback__ = None  # its frames hold what did not fit
            _empty_cache()
            self._send("oom", message=message)
            return True
        logger.error("a batch failed", exc_info=error)
        if "CUDA error" in message or type(error).__name__ == "AcceleratorError":
            self._send("broken", message=message)  # whatever is asked of the card from here on fails too
            return False
        self._send("error", message=message)
        return True

    def _beat(self) -> None:
        while True:
            time.sleep(HEARTBEAT_S)
            try:
                self._send("alive")
            except OSError:
                os._exit(0)  # nobody is there to answer to

    def _send(self, kind: str, parts: Sequence[bytes] = (), **data: Any) -> None:
        message = pack(kind, parts, **data)
        with self._lock:
            self._connection.sendall(message)


def _function(target: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def _is_out_of_memory(error: Exception) -> bool:
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)


def _empty_cache() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
