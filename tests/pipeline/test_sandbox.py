from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from ragfactory.config import Limits
from ragfactory.errors import DocumentError, ExitCode, ParserCrashedError, ParserTimeoutError, SandboxError
from ragfactory.pipeline.sandbox import Job, Outcome, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
TARGET = "misbehaving:answerer"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    yield
    assert children_of(os.getpid()) == []
    assert [thread for thread in threading.enumerate() if thread.name == "sandbox"] == []


@pytest.fixture
def sandbox(tmp_path: Path) -> Callable[..., Sandbox]:
    def make(*, workers: int = 1, seconds: float = 60, target: str = TARGET, **setup: Any) -> Sandbox:
        limits = Limits(seconds=seconds, memory_mb=512)
        return Sandbox(target, setup, workers=workers, limits=limits, log=tmp_path / "parsers.log")

    return make


def children_of(parent: int) -> list[int]:
    """The sandbox's processes that have that parent."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                ppid = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                command = (entry / "cmdline").read_text()
            except OSError:
                continue  # gone meanwhile
            if int(ppid) == parent and "ragfactory.pipeline.sandboxed" in command:
                found.append(int(entry.name))
    return found


def job(do: str, **argument: Any) -> Job:
    return Job(Path(do), {"do": do, **argument})


def answers(outcomes: list[Outcome]) -> list[Any]:
    return [type(outcome.error) if outcome.error else orjson.loads(outcome.answer)["n"] for outcome in outcomes]


def test_outcomes_come_in_the_order_of_the_jobs(sandbox: Callable[..., Sandbox]) -> None:
    jobs = [job("sleep", seconds=0.3 if n % 3 == 0 else 0, n=n) for n in range(10)]
    with sandbox(workers=2) as box:
        outcomes = list(box.run(jobs))
    assert answers(outcomes) == list(range(10))
    assert [outcome.job for outcome in outcomes] == jobs


def test_no_jobs_start_no_children(sandbox: Callable[..., Sandbox]) -> None:
    with sandbox() as box:
        assert list(box.run([])) == []


@pytest.mark.parametrize(
    ("do", "error", "code", "words"),
    [
        ("abort", ParserCrashedError, "parser_crashed", "SIGABRT"),
        ("segfault", ParserCrashedError, "parser_crashed", "SIGSEGV"),
        ("die_while_answering", ParserCrashedError, "parser_crashed", "SIGKILL"),
        ("leave", ParserCrashedError, "parser_crashed", "exit status 3"),
        ("eat_memory", DocumentError, "too_large", "memory"),
        ("recurse", DocumentError, "too_large", "nested too deeply"),
        ("stumble", DocumentError, "unreadable", "ValueError: a bug of a parser"),
        ("refuse", DocumentError, "encrypted", "it asks for a password"),
    ],
)
def test_a_job_that_goes_wrong_fails_alone(
    sandbox: Callable[..., Sandbox], do: str, error: type[Exception], code: str, words: str
) -> None:
    with sandbox() as box:
        first, bad, last = box.run([job("echo", n=1), job(do), job("echo", n=2)])
    assert answers([first, last]) == [1, 2]
    assert isinstance(bad.error, error)
    assert bad.error.code == code
    assert bad.error.exit_code is ExitCode.PARTIAL
    assert words in bad.error.message
    assert bad.error.hint


def test_a_job_past_its_time_is_ended_and_the_others_are_not(sandbox: Callable[..., Sandbox]) -> None:
    jobs = [job("echo", n=0), job("sleep", seconds=600, n=1), job("echo", n=2), job("echo", n=3)]
    with sandbox(workers=2, seconds=5) as box:
        outcomes = list(box.run(jobs))
    assert answers(outcomes) == [0, ParserTimeoutError, 2, 3]


def test_a_child_that_its_own_clock_ends_is_late_as_well(sandbox: Callable[..., Sandbox]) -> None:
    with sandbox() as box:
        assert answers(list(box.run([job("ring"), job("echo", n=1)]))) == [ParserTimeoutError, 1]


def test_a_child_that_dies_with_nothing_to_do_costs_no_file(sandbox: Callable[..., Sandbox]) -> None:
    with sandbox() as box:
        (first,) = box.run([job("tell_process")])
        process = int(first.answer)
        os.kill(process, signal.SIGKILL)
        while Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.01)
        assert answers(list(box.run([job("echo", n=1)]))) == [1]


def test_starting_does_not_count_as_a_files_time(sandbox: Callable[..., Sandbox]) -> None:
    with sandbox(seconds=2.0, start_s=3.0) as box:
        assert answers(list(box.run([job("echo", n=1)]))) == [1]


def test_what_children_print_goes_to_the_log(sandbox: Callable[..., Sandbox], tmp_path: Path) -> None:
    with sandbox() as box:
        list(box.run([job("chatter", n=1), job("stumble")]))
    log = (tmp_path / "parsers.log").read_text()
    assert "a library that prints" in log
    assert "ValueError: a bug of a parser" in log


@pytest.mark.parametrize(
    ("target", "setup"),
    [("no_such_module:function", {}), ("misbehaving:no_such_function", {}), (TARGET, {"broken": True})],
)
def test_children_that_cannot_start_end_the_run(
    sandbox: Callable[..., Sandbox], target: str, setup: dict[str, Any], tmp_path: Path
) -> None:
    with sandbox(target=target, **setup) as box, pytest.raises(SandboxError, match="cannot start") as caught:
        list(box.run([job("echo", n=1), job("echo", n=2)]))
    assert caught.value.exit_code is ExitCode.UNAVAILABLE
    assert str(tmp_path / "parsers.log") in (caught.value.hint or "")


def test_an_error_of_the_jobs_own_iterator_reaches_the_consumer(sandbox: Callable[..., Sandbox]) -> None:
    def jobs() -> Iterator[Job]:
        yield job("echo", n=1)
        raise LookupError("no more files")

    with sandbox() as box, pytest.raises(LookupError, match="no more files"):
        list(box.run(jobs()))


def test_a_run_may_be_left_early_and_another_follow(sandbox: Callable[..., Sandbox]) -> None:
    with sandbox(workers=2) as box:
        with closing(box.run(job("echo", n=n) for n in range(1000))) as outcomes:
            assert answers([next(outcomes)]) == [0]
        assert answers(list(box.run([job("echo", n=7)]))) == [7]


def test_closing_ends_a_run_that_nobody_finished(sandbox: Callable[..., Sandbox]) -> None:
    box = sandbox(workers=2)
    outcomes = box.run(job("echo", n=n) for n in range(1000))
    next(outcomes)
    box.close()
    assert children_of(os.getpid()) == []
    assert [thread for thread in threading.enumerate() if thread.name == "sandbox"] == []
    outcomes.close()


def test_jobs_are_taken_only_a_little_ahead(sandbox: Callable[..., Sandbox]) -> None:
    taken = []

    def jobs() -> Iterator[Job]:
        for n in range(1000):
            taken.append(n)
            yield job("echo", n=n)

    with sandbox() as box, closing(box.run(jobs())) as outcomes:
        next(outcomes)
        settled = -1
        while settled != len(taken):
            settled = len(taken)
            time.sleep(0.3)
    assert settled < 20


PARENT = """
import sys
from pathlib import Path
from ragfactory.config import Limits
from ragfactory.pipeline.sandbox import Job, Sandbox

limits = Limits(seconds=float(sys.argv[1]), memory_mb=512)
with Sandbox("misbehaving:answerer", {}, workers=1, limits=limits, log=Path(sys.argv[2])) as box:
    jobs = (Job(Path(do), {"do": do, "seconds": 600}) for do in ("tell_process", sys.argv[3]))
    for outcome in box.run(jobs):
        print(outcome.answer.decode(), flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("busy", [False, True])
def test_children_leave_when_their_parent_is_killed(tmp_path: Path, busy: bool) -> None:
    """A busy child leaves when its time for the job is up."""
    doing = ["3", str(tmp_path / "log"), "sleep"] if busy else ["60", str(tmp_path / "log"), "echo"]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *doing], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert children_of(parent.pid) == [child]
        if not busy:
            parent.stdout.readline()
        parent.send_signal(signal.SIGKILL)
    for _ in range(300):
        if not Path(f"/proc/{child}").exists() or "\nState:\tZ" in Path(f"/proc/{child}/status").read_text():
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the child outlived its parent")


def test_an_interrupt_from_the_terminal_leaves_the_children_to_their_parent(
    sandbox: Callable[..., Sandbox],
) -> None:
    with sandbox() as box, closing(box.run(job("tell_process") for _ in range(3))) as outcomes:
        child = int(next(outcomes).answer)
        os.kill(child, signal.SIGINT)
        assert {int(outcome.answer) for outcome in outcomes} == {child}
