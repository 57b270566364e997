"""What is left when workers, or the process that runs them, are ended from outside."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from ragfactory import events
from ragfactory.fleet.process import Job
from ragfactory.fleet.scheduler import Fleet
from ragfactory.fleet.worker import HEARTBEAT_S
from tests.fleet.fleets import Told, hashes, items, open_descriptors, plain, state_of, workers_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.events import Event

HERE = Path(__file__).parent
KILLS = 20


@pytest.fixture(autouse=True)
def hooked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(HERE), str(HERE.parents[1]))))
    monkeypatch.setenv("RAGFACTORY_DEVICE_HOOK", "misbehaving_worker:fault")


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    before = open_descriptors()
    yield
    assert workers_of(os.getpid()) == []
    assert open_descriptors() <= before


class Killer:
    """Ends random workers of this process, one after another, until it has ended enough or is told to stop."""

    def __init__(self, seed: int) -> None:
        self.killed = 0
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while self.killed < KILLS and not self._stop.wait(0.05):
            if workers := workers_of(os.getpid()):
                os.kill(self._random.choice(workers), signal.SIGKILL)
                self.killed += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_workers_killed_at_random_change_nothing_of_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_TOKEN_S", "0.0004")
    heard: list[Event] = []
    payloads = plain(2000)
    job = Job("misbehaving_worker:answerer", {}, "run-1", tmp_path / "workers.log")
    with Fleet(job, Told(8), heard.append, batch_tokens=200, check_s=0.05) as fleet, Killer(seed=7) as killer:
        assert fleet.map(items(*payloads)) == hashes(payloads)
    assert killer.killed == KILLS, "the run lasted long enough for all of them"
    assert any(isinstance(event, events.WorkerLost) for event in heard)
    assert sum(totals.items for totals in fleet.totals.values()) == len(payloads)


def test_a_worker_killed_between_two_runs_is_replaced_and_blamed_on_nobody(tmp_path: Path) -> None:
    heard: list[Event] = []
    job = Job("misbehaving_worker:answerer", {}, "run-1", tmp_path / "workers.log")
    with Fleet(job, Told(1), heard.append) as fleet:
        fleet.map(items(b"a"))
        (worker,) = workers_of(os.getpid())
        time.sleep(1.5 * HEARTBEAT_S)  # its last sign of life is still to be read
        os.kill(worker, signal.SIGKILL)
        os.waitid(os.P_PID, worker, os.WEXITED | os.WNOWAIT)  # all its threads are gone; /proc tells only of the first
        assert fleet.map(items(b"b")) == hashes([b"b"])
    assert not any(isinstance(event, events.Retried) for event in heard)


PARENT = """
import sys
from pathlib import Path
from ragfactory.events import WorkerStarted
from ragfactory.fleet.process import Job
from ragfactory.fleet.scheduler import Fleet
from tests.fleet.fleets import Told, items

job = Job("misbehaving_worker:answerer", {}, "run-1", Path(sys.argv[1]))

def tell(event):
    if isinstance(event, WorkerStarted):
        print(event, flush=True)

with Fleet(job, Told(2), tell, batch_tokens=10) as fleet:
    fleet.map(items(b"a", b"b"))
    fleet.map(items(sys.argv[2].encode(), b"c"))
    sys.stdin.read()
"""


@pytest.mark.parametrize("doing", ["nothing", "!sleep", "!hold_the_gil"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_the_process_that_runs_them(tmp_path: Path, doing: str, number: signal.Signals) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "workers.log"), doing]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=HERE.parents[1]
    ) as parent:
        assert parent.stdout is not None
        started = [parent.stdout.readline() for _ in range(2)]
        assert all(line.startswith(b"WorkerStarted") for line in started)
        workers = workers_of(parent.pid)
        assert len(workers) == 2
        parent.send_signal(number)
        parent.wait(60)
    for _ in range(300):
        if all(state_of(worker) == "Z" for worker in workers):
            return
        time.sleep(0.1)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    pytest.fail("workers outlived the process that ran them")
