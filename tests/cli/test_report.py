"""What people read of a run's devices and their troubles."""

from __future__ import annotations

from rich.console import Console

from ragfactory import events
from ragfactory.cli.report import render_report
from ragfactory.cli.running import notices_of
from ragfactory.reporting.report import RunReport


def shown(report: RunReport) -> list[str]:
    console = Console(width=120)
    with console.capture() as captured:
        render_report(report, console)
    return [line.strip() for line in captured.get().splitlines()]


def test_one_is_one_and_the_reason_is_told() -> None:
    report = RunReport("run-1", vectors_recovered=1, files_left=1, contexts_missing=1)
    for event in (
        events.Worked("gpu10", "embed", 4, 40, 1.0),
        events.Worked("gpu2", "embed", 2, 20, 1.0),
        events.WorkerLost("gpu2", "its process ended: SIGKILL"),
        events.Rested("gpu10", "lost: it fell off the bus"),
    ):
        report(event)
    lines = shown(report)
    devices = [line.split()[0] for line in lines if line.startswith("gpu")]
    assert devices == ["gpu2", "gpu10"]
    assert any("1 worker lost" in line for line in lines)
    assert any("1 rest" in line and "rests" not in line for line in lines)
    assert notices_of(report) == (
        "1 context still to be written; the next run goes on",
        "gpu2: 1 worker lost, the work done again: its process ended: SIGKILL",
        "gpu10: 1 rest: lost: it fell off the bus",
        "1 vector of an unfinished run used again",
        "time was up: 1 file left to the next run",
    )


def test_two_are_two_and_the_last_reason_stands_for_all() -> None:
    report = RunReport("run-1")
    for reason in ("its process ended: SIGKILL", "it hung"):
        report(events.WorkerLost("gpu0", reason))
    assert any("2 workers lost" in line for line in shown(report))
    assert notices_of(report) == ("gpu0: 2 workers lost, the work done again: it hung",)
