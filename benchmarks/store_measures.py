"""What the store's benchmarks measure by: the memory of a process beyond mapped files, and the bytes that a version brought."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

Result = TypeVar("Result")

_SAMPLE_S = 0.02


@dataclass(frozen=True, slots=True)
class Apart(Generic[Result]):
    """What a function returned, and the most anonymous memory its process held, in bytes: pages of files do not count."""

    result: Result
    peak_bytes: int


def apart(function: Callable[..., Result], *arguments: object) -> Apart[Result]:
    """Call a module's function in a process of its own. Raises RuntimeError when it fails, after its traceback was printed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, function, arguments))
    process.start()
    theirs.close()
    peak = 0
    while not ours.poll(_SAMPLE_S):
        peak = max(peak, _anonymous_bytes(process.pid))
    try:
        result = ours.recv()
    except EOFError:
        raise RuntimeError(f"{function.__name__} failed in a process of its own") from None
    finally:
        process.join()
    return Apart(result, peak)


def new_bytes(version: Path) -> int:
    """The bytes of those files of the newest version that no other version has: what did not change is a hard link."""
    files = [path.stat() for path in version.rglob("*") if path.is_file()]
    return sum(status.st_size for status in files if status.st_nlink == 1)


def _answer(pipe: Connection, function: Callable[..., Result], arguments: tuple[object, ...]) -> None:
    pipe.send(function(*arguments))


def _anonymous_bytes(pid: int | None) -> int:
    """Memory that no file stands behind, as Linux counts it; none once the process has ended."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0)
