"""One writer an index: an advisory lock on LOCK that the kernel drops when its holder dies."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from ragfactory.errors import LockedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_POLL_S = 0.2


@contextmanager
def writer_lock(path: Path, deadline: float = 0.0) -> Iterator[None]:
    """Hold `path` locked. Raises LockedError naming the holder when another still has it at `deadline`, a time of `time.monotonic`.

    A process that died holds nothing. The file stays behind, since removing it would let two writers lock two files of one name;
    only the lock on it counts.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise LockedError(
                    f"{path.parent} is being written by {_holder(path)}",
                    hint="wait for that run to end, then run this again",
                )
            time.sleep(_POLL_S)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, orjson.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": now}), 0)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> str:
    try:
        holder = orjson.loads(path.read_bytes())
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "another run"  # it has the lock but has not written its name yet
