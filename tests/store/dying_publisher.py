"""Publishes under copies of a home, one process a copy, each stopped at a later step than the one before, until one gets through.

    python dying_publisher.py HOME COPIES killed|full|narrow

`killed` is killed at its n-th change to the file system, `full` finds the disk full from that change on, and `narrow` cannot
write a file past a size that grows with n. It prints for each copy how its process ended: `killed`, `refused` (by an OSError),
or `done`.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import sys
from itertools import count
from pathlib import Path

from conftest import RECIPE, ROOTS, Shelf, add, identity

from ragfactory.store.faiss_files import import_faiss

CHANGES = {"a.txt": ["het gebouw is verkocht", "nieuw"], "b.txt": None, "c.txt": ["zonnepanelen", "nieuw"]}
REFUSED = 4
MAKES_SOMETHING = {"open", "os.rename", "os.link", "os.mkdir"}
TAKES_SOMETHING_AWAY = {"os.remove", "os.rmdir", "os.truncate"}


def publish(home: Path) -> None:
    with Shelf.at(home).builder(CHANGES) as builder:
        for path, texts in CHANGES.items():
            if texts is None:
                builder.remove(identity(path))
            else:
                add(builder, path, texts)
        builder.publish(RECIPE, ROOTS)


def stop_at(n: int, how: str) -> None:
    """From now on, count this process's changes to the file system, and stop it at the n-th."""
    counted = MAKES_SOMETHING | TAKES_SOMETHING_AWAY if how == "killed" else MAKES_SOMETHING
    changes = 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal changes
        if event not in counted or (event == "open" and not int(arguments[2]) & (os.O_WRONLY | os.O_RDWR)):
            return
        changes += 1
        if changes >= n and how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if changes >= n:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sys.addaudithook(watch)


def run(home: Path, n: int, how: str) -> None:
    """Publish in this process, which ends here."""
    if how == "narrow":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(16 * 1.6**n), resource.RLIM_INFINITY))
    else:
        stop_at(n, how)
    try:
        publish(home)
    except OSError:
        os._exit(REFUSED)
    os._exit(0)


def main(home: Path, copies: Path, how: str) -> None:
    import_faiss()
    for n in count(1):
        copy = copies / f"{n:03d}"
        shutil.copytree(home, copy)
        child = os.fork()
        if child == 0:
            run(copy, n, how)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        ends = {-signal.SIGKILL: "killed", REFUSED: "refused", 0: "done"}
        print(copy.name, ends.get(code, f"exit {code}"), flush=True)
        if code == 0:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
