"""Ending what outlived its run: workers whose run is gone, and nothing else."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ragfactory.fleet import marks
from ragfactory.fleet.marks import MarkedProcess, mark, marked_process, marked_processes
from ragfactory.fleet.orphans import Ended, end_orphans

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 60.0
WORKER = """
import signal, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""
RUN = """
import os, subprocess, sys
from ragfactory.fleet import marks

marks.VARIABLE = sys.argv[1]
environment = {**os.environ, **marks.mark(sys.argv[2])}
worker = subprocess.Popen([sys.executable, *sys.argv[3:]], env=environment, stdout=subprocess.PIPE, text=True)
worker.stdout.readline()
print(worker.pid, flush=True)
sys.stdin.read()
"""


class Run:
    """A process with one worker. When it is killed its worker goes on."""

    def __init__(self, name: str, *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", RUN, marks.VARIABLE, name, "-c", WORKER, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        pid = int(self._process.stdout.readline())
        self.worker = MarkedProcess(pid, name, self._process.pid)
        self.handle = os.pidfd_open(pid)

    @property
    def worker_lives(self) -> bool:
        return not select.select([self.handle], [], [], 0)[0]

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def close(self) -> None:
        if self.worker_lives:
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        self.kill()
        os.close(self.handle)


pytestmark = pytest.mark.usefixtures("own_mark")


@pytest.fixture
def run(own_mark: str) -> Iterator[Run]:
    run = Run("their-run")
    yield run
    run.close()


def test_a_worker_is_known_by_its_mark(run: Run, own_mark: str) -> None:
    assert marked_process(run.worker.pid) == run.worker
    assert run.worker in marked_processes()
    assert marked_process(os.getpid()) is None
    assert mark("r") == {own_mark: f"r:{os.getpid()}"}


def test_a_worker_whose_run_lives_is_left_alone(run: Run) -> None:
    assert run.worker not in [ended.worker for ended in end_orphans()]
    assert run.worker_lives


def test_a_worker_whose_run_died_is_ended(run: Run) -> None:
    run.kill()
    assert run.worker_lives, "else there is nothing to show"
    assert Ended(run.worker, killed=False) in end_orphans(PATIENCE_S)
    assert not run.worker_lives
    assert run.worker not in marked_processes()


def test_one_that_does_not_listen_is_killed() -> None:
    run = Run("their-run", "stubborn")
    run.kill()
    assert Ended(run.worker, killed=True) in end_orphans(grace_s=0.1)
    assert not run.worker_lives
    run.close()


def test_a_process_without_a_mark_is_left_alone(run: Run) -> None:
    plain = subprocess.Popen([sys.executable, "-c", WORKER], start_new_session=True, stdout=subprocess.PIPE)
    run.kill()
    end_orphans(PATIENCE_S)
    assert plain.poll() is None
    plain.kill()
    plain.communicate()


@pytest.mark.parametrize("value", ["", "run", "run:", "run:x", ":", "run:1:"])
def test_a_mark_that_makes_no_sense_is_none(value: str, own_mark: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER], env={**os.environ, own_mark: value}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    assert marked_process(process.pid) is None
    process.kill()
    process.communicate()
