"""The mark that workers carry in their environment, by which they are known when their run is gone."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "RAGFACTORY_WORKER"
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class MarkedProcess:
    """A process that a run started, or that one of its workers did: `run` and `parent` are what its mark says."""

    pid: int
    run: str
    parent: int


def mark(run_id: str) -> dict[str, str]:
    """What this process adds to the environment of the workers that it starts for a run."""
    return {VARIABLE: f"{run_id}:{os.getpid()}"}


def marked_process(pid: int) -> MarkedProcess | None:
    """The process of that id, when it carries a mark and is of this user and machine (not of a container on it)."""
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
        ours = (_PROC / str(pid)).stat().st_uid == os.getuid() and _namespace(pid) == _namespace("self")
    except OSError:  # it ended, or is another user's
        return None
    found = re.search(rb"(?:^|\0)" + VARIABLE.encode() + rb"=([^\0]*):(\d+)(?:\0|$)", environment)
    if not (ours and found):
        return None
    return MarkedProcess(pid, found[1].decode(errors="replace"), int(found[2]))


def marked_processes() -> list[MarkedProcess]:
    """Every process with a mark, this one and those above it excepted."""
    pids = {int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()} - {
        os.getpid(),
        *ancestors(os.getpid()),
    }
    return [process for process in map(marked_process, sorted(pids)) if process]


def ancestors(pid: int) -> list[int]:
    """The parent of a process, the parent of that, and so on."""
    found: list[int] = []
    while (pid := _parent(pid)) and pid not in found:
        found.append(pid)
    return found


def _parent(pid: int) -> int:
    """0 where there is none, or the process ended."""
    try:
        status = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return 0
    return int(status.rpartition(b")")[2].split()[1])  # the name, in brackets, may hold anything


def _namespace(pid: int | str) -> str:
    return str((_PROC / str(pid) / "ns" / "pid").readlink())
