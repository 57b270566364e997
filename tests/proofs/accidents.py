"""Accidents that happen to a run, and the runs that they happen to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson

if TYPE_CHECKING:
    from tests.conftest import Workplace

ROOT = Path(__file__).parents[2]
KILLED = -signal.SIGKILL
# One thread, or a forked process waits for ever for threads that it does not have.
SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True, slots=True)
class AtStep:
    """A signal before a step of publishing, when it comes for the n-th time: the end, or a pause until SIGCONT."""

    step: str
    n: int = 1
    signal: int = signal.SIGKILL


@dataclass(frozen=True, slots=True)
class AtChange:
    """The end, before the n-th change to the file system."""

    change: int


@dataclass(frozen=True, slots=True)
class AfterSeconds:
    """The end, so many seconds after the beginning, wherever that is."""

    kill_after: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """The disk of the home fails with `errno` at the n-th write, and from then on, unless it does so only `once`."""

    home: str
    errno: int
    call: int
    once: bool = False


Accident = AtStep | AtChange | AfterSeconds | Refusal


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: its exit status (negative: the signal that killed it), what it said, and what it left running."""

    status: int
    output: str
    orphans: tuple[int, ...]


class Victims:
    """A warm process that runs are forked from; see `victims.py`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.proofs.victims"],
            cwd=ROOT,
            env=os.environ | SINGLE_THREADED,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._outputs: dict[int, Path] = {}
        self._started = 0

    def run(self, workplace: Workplace, *arguments: str | Path, accident: Accident | None = None) -> Ending:
        """Run a command line to its end, whatever that is."""
        ending = self.wait(self.start(workplace, *arguments, accident=accident), accident)
        assert ending is not None, "it was stopped, not ended"
        return ending

    def start(self, workplace: Workplace, *arguments: str | Path, accident: Accident | None = None) -> int:
        """Start to run a command line, and return its process id."""
        config = workplace.config
        config.config_dir.mkdir(exist_ok=True)
        settings = f'embedder = "{config.embedder}"\nparsers = {config.parsers}\n'
        (config.config_dir / "config.toml").write_text(settings, encoding="utf-8")
        self._started += 1
        output = workplace.path / f"output-{self._started}"
        answer = self._ask(
            arguments=[str(argument) for argument in arguments],
            environment={"RAGFACTORY_HOME": str(config.home), "RAGFACTORY_CONFIG": str(config.config_dir)},
            directory=str(workplace.path),
            output=str(output),
            accident=None if accident is None else asdict(accident),
        )
        pid = int(answer["pid"])
        self._outputs[pid] = output
        return pid

    def wait(self, pid: int, accident: Accident | None = None) -> Ending | None:
        """How a run ended; None when it was only stopped. What it left running has some seconds to notice."""
        kill_after = accident.kill_after if isinstance(accident, AfterSeconds) else None
        status = self._ask(pid=pid, kill_after=kill_after)["status"]
        if status is None:
            return None
        output = self._outputs.pop(pid)
        text = output.read_text(encoding="utf-8", errors="replace")
        output.unlink()
        return Ending(status, text, left_by(pid))

    def close(self) -> None:
        """End the warm process."""
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps(request, option=orjson.OPT_APPEND_NEWLINE))
        self._process.stdin.flush()
        answer: dict[str, Any] = orjson.loads(self._process.stdout.readline())
        return answer


def left_by(session: int, patience: float = 30.0) -> tuple[int, ...]:
    """Processes of a run that are still there after so many seconds."""
    deadline = time.monotonic() + patience
    while (left := _members(session)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _members(session: int) -> tuple[int, ...]:
    """The processes of a session that run."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, _, _, own, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
            continue
        if int(own) == session and state != "Z":
            found.append(int(entry.name))
    return tuple(found)
