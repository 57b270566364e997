"""Processes that run command lines and meet an accident half-way.

    python -m tests.proofs.victims

Requests come as lines of JSON on standard input, and each is answered by a line on standard output: see `accidents.py`, which
sends them. Every victim is forked from this process, which has imported everything and loaded MiniLM before. It has a single
thread for that: what other threads hold when a process forks is never let go of in its child.
"""

from __future__ import annotations

import importlib
import itertools
import os
import select
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from ragfactory.store.publish import STEP
from tests.proofs.failing_disk import WRITING, FailingDisk

if TYPE_CHECKING:
    from collections.abc import Callable

    Request = dict[str, Any]

HEAVY = (
    "ragfactory.cli.main",
    "faiss",
    "tantivy",
    "rich.table",
    "ragfactory.pipeline.ingest",
    "ragfactory.pipeline.reindex",
    "ragfactory.reporting.eventlog",
    "ragfactory.store.prune",
    "ragfactory.store.rollback",
)
MODEL = "all-minilm-l6-v2"
BATCH = 4  # texts a call of the embedder, in proportion to the small documents

CHANGES = frozenset(
    {"open", "os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}
)  # audit events


def main() -> None:
    warm_up()
    for line in sys.stdin:
        request = orjson.loads(line)
        answer = start(request) if "arguments" in request else wait(request["pid"], request["kill_after"])
        print(orjson.dumps(answer).decode(), flush=True)


def warm_up() -> None:
    """Import what runs need, and keep one loaded model for all of them."""
    from ragfactory.embedding import engine
    from ragfactory.embedding.locate import resolve
    from ragfactory.pipeline import vectors

    for module in HEAVY:
        importlib.import_module(module)
    model = engine.open_embedder(resolve(MODEL, Path(os.devnull)), device="cpu")
    engine.open_embedder = lambda *_, **__: model
    vectors.LOCAL_BATCH = BATCH
    tempfile.gettempdir()  # looked for by writing into it: not on the disk that is to fail
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a process that forks has one thread"


def start(request: Request) -> dict[str, int]:
    """Fork a victim."""
    pid = os.fork()
    if pid == 0:
        run(request)
    return {"pid": pid}


def wait(pid: int, kill_after: float | None) -> dict[str, int | None]:
    """The exit status of a victim, negative for a signal, or None when it was stopped. It is killed when its seconds are over."""
    if kill_after is not None:
        process = os.pidfd_open(pid)
        if not select.select([process], [], [], kill_after)[0]:
            os.kill(pid, signal.SIGKILL)
        os.close(process)
    _, status = os.waitpid(pid, os.WUNTRACED)
    return {"status": None if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)}


def run(request: Request) -> NoReturn:
    """Run a command line in this process, which ends here. What it starts is in a session of its own, to be told by."""
    from ragfactory.cli.main import main as run_command

    os.setsid()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["ragfactory", *request["arguments"]]
    meet(request["accident"])
    status = 0
    try:
        run_command()
    except SystemExit as end:
        status = int(end.code or 0)
    sys.stdout.flush()
    os._exit(status)


def meet(accident: dict[str, Any] | None) -> None:
    """See to it that the accident happens to this process."""
    match accident:
        case {"step": name, "n": n, "signal": number}:
            at_nth(n, lambda event, arguments: event == STEP and arguments[0] == name, number)
        case {"change": n}:
            at_nth(n, is_change, signal.SIGKILL)
        case {"home": home, "errno": number, "call": call, "once": once}:
            FailingDisk(Path(home), number, call, once=once).take_over()


def at_nth(n: int, counts: Callable[[str, tuple[Any, ...]], bool], number: int) -> None:
    """Send this process a signal right before the n-th audit event that counts."""
    counter = itertools.count(1)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if counts(event, arguments) and next(counter) == n:
            os.kill(os.getpid(), number)

    sys.addaudithook(watch)


def is_change(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether an audit event is about a change of the file system."""
    return event in CHANGES and (event != "open" or bool(int(arguments[2]) & WRITING))


if __name__ == "__main__":
    main()
