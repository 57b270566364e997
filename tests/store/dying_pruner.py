"""Prunes copies of a home, one process a copy, each killed at a later step than the one before, until one gets through.

    python dying_pruner.py HOME COPIES

It prints for each copy how its process ended: `killed` or `done`.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from itertools import count
from pathlib import Path

from conftest import Shelf
from dying_publisher import stop_at

from ragfactory.store.prune import prune


def main(home: Path, copies: Path) -> None:
    for n in count(1):
        copy = copies / f"{n:03d}"
        copy_with_links(home, copy)
        child = os.fork()
        if child == 0:
            stop_at(n, "killed")
            prune(Shelf.at(copy).paths, 1)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(copy.name, {-signal.SIGKILL: "killed", 0: "done"}.get(code, f"exit {code}"), flush=True)
        if code == 0:
            return


def copy_with_links(home: Path, copy: Path) -> None:
    """Copy a home with its hard links as hard links."""
    links: dict[int, Path] = {}

    def link_or_copy(source: str, target: str) -> str:
        first = links.setdefault(Path(source).stat().st_ino, Path(target))
        if first == Path(target):
            return str(shutil.copy2(source, target))
        os.link(first, target)
        return target

    shutil.copytree(home, copy, copy_function=link_or_copy)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
