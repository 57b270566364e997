"""Processes that run command lines and meet an accident half-way: they are killed, stopped, or find that the disk refuses.

    python -m tests.proofs.victims

Requests come as lines of JSON on standard input, and each is answered by a line on standard output. Every victim is forked
from this process, which has imported everything and loaded MiniLM before. That takes a single thread: what other threads hold
when a process forks is never let go of in its child.
"""

from __future__ import annotations

import importlib
import io
import itertools
import os
import select
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from ragfactory.store.publish import STEP

if TYPE_CHECKING:
    from collections.abc import Callable

    Request = dict[str, Any]

HEAVY = (
    "faiss",
    "tantivy",
    "rich.progress",
    "rich.table",
    "ragfactory.pipeline.ingest",
    "ragfactory.pipeline.reindex",
    "ragfactory.reporting.eventlog",
    "ragfactory.reporting.metrics",
    "ragfactory.reporting.webhook",
    "ragfactory.store.prune",
    "ragfactory.store.rollback",
)
MODEL = "all-minilm-l6-v2"
BATCH = 4  # texts a call of the embedder, in proportion to the small documents

# Audit events of changes to the file system.
CHANGES = frozenset({"open", "os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"})
WRITING = os.O_WRONLY | os.O_RDWR


def main() -> None:
    warm_up()
    for line in sys.stdin:
        request = orjson.loads(line)
        answer = start(request) if "arguments" in request else wait(request["pid"], request["kill_after"])
        print(orjson.dumps(answer).decode(), flush=True)


def warm_up() -> None:
    """Import what runs need, and keep one loaded model for all of them."""
    from ragfactory.cli import main as cli
    from ragfactory.embedding import engine
    from ragfactory.embedding.locate import resolve
    from ragfactory.pipeline import assembly

    for module in HEAVY:
        importlib.import_module(module)
    model = engine.open_embedder(resolve(MODEL, Path(os.devnull)), device="cpu")
    engine.open_embedder = lambda *_, **__: model
    assembly.BATCH = BATCH
    assert callable(cli.main)
    assert len(os.listdir("/proc/self/task")) == 1, "a process that forks has one thread"


def start(request: Request) -> dict[str, int]:
    pid = os.fork()
    if pid == 0:
        run(request)
    return {"pid": pid}


def wait(pid: int, kill_after: float | None) -> dict[str, int | None]:
    """The exit status of a victim, negative for a signal; None when it was stopped. It is killed when its seconds are over."""
    if kill_after is not None:
        process = os.pidfd_open(pid)
        if not select.select([process], [], [], kill_after)[0]:
            os.kill(pid, signal.SIGKILL)
        os.close(process)
    _, status = os.waitpid(pid, os.WUNTRACED)
    return {"status": None if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)}


def run(request: Request) -> NoReturn:
    """Run a command line in this process, which ends here. Its children belong to a session of its own, to be told apart by."""
    from ragfactory.cli.main import main as run_command

    os.setsid()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["ragfactory", *request["arguments"]]
    prepare(request["accident"], request["environment"]["RAGFACTORY_HOME"])
    try:
        run_command()
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(int(end.code or 0))
    os._exit(0)


def prepare(accident: dict[str, Any], home: str) -> None:
    """See to it that the accident happens to this process."""
    match accident:
        case {"signal": number, "step": name, "n": n}:
            at_nth(n, lambda event, arguments: event == STEP and arguments[0] == name, send(number))
        case {"signal": number, "change": n}:
            at_nth(n, is_change, send(number))
        case {"errno": number, "call": n, "once": once}:
            refuse_writes(Path(home), number, n, once=once)


def send(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def at_nth(n: int, counts: Callable[[str, tuple[Any, ...]], bool], act: Callable[[], None]) -> None:
    """Act at the n-th audit event that counts."""
    counter = itertools.count(1)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if counts(event, arguments) and next(counter) == n:
            act()

    sys.addaudithook(watch)


def is_change(event: str, arguments: tuple[Any, ...]) -> bool:
    return event in CHANGES and (event != "open" or bool(int(arguments[2]) & WRITING))


def refuse_writes(home: Path, number: int, call: int, *, once: bool) -> None:
    """Let the disk under `home` answer the `call`-th write with an error number, and all later ones too, or only that `once`.

    The number of writes is told on standard error at the end of every line, so that a test knows how many there are.
    """
    counter = itertools.count(1)

    def write() -> None:
        n = next(counter)
        if n == call or (n > call and not once):
            raise OSError(number, os.strerror(number))

    class File(io.FileIO):
        def write(self, data: Any) -> int | None:
            write()
            return super().write(data)

    def is_ours(path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and Path(path).is_relative_to(home)

    def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
        def call_it(*arguments: Any, **options: Any) -> Any:
            if isinstance(arguments[0], int) or is_ours(arguments[0]):
                write()
            return function(*arguments, **options)

        return call_it

    plain_open, plain_os_open = io.open, os.open

    def open_(path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if not is_ours(path) or "b" not in mode or not set(mode) & set("wax+"):
            return plain_open(path, mode, *arguments, **options)
        write()
        raw = File(path, mode.replace("b", ""))
        return io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)

    def os_open(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & WRITING and is_ours(path):
            write()
        return plain_os_open(path, flags, *arguments, **options)

    import builtins

    builtins.open = io.open = open_
    os.open = os_open
    for name in ("fsync", "write", "pwrite", "ftruncate", "link", "mkdir", "rename", "replace"):
        setattr(os, name, guarded(getattr(os, name)))


if __name__ == "__main__":
    main()
