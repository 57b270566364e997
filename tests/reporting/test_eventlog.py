"""The event log: every event a line, in files that are cut and removed in time, and never a reason for a run to fail."""

from __future__ import annotations

import errno
import os
import stat
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from ragfactory import events
from ragfactory.reporting.eventlog import EventLog

if TYPE_CHECKING:
    import pytest

EVENTS = [
    events.Begun("acme", "p"),
    events.Received("/docs", "a.pdf"),
    events.Failed("/docs", "caf\udce9.txt", "empty", "no text", None),
    events.Published("acme/p/rapport", 1, 2, 3, 0.5),
]


def lines(path: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_each_event_is_a_line_with_its_time(tmp_path: Path) -> None:
    folder = tmp_path / "logs/runs"
    with EventLog(folder, "20260101T020000Z-abc", keep=3) as log:
        for event in EVENTS:
            log(event)
        assert len(lines(folder / "20260101T020000Z-abc.jsonl")) == len(EVENTS), "each line is there at once"
    found = lines(folder / "20260101T020000Z-abc.jsonl")
    assert [line.pop("event") for line in found] == ["Begun", "Received", "Failed", "Published"]
    assert all(datetime.fromisoformat(str(line.pop("time"))).tzinfo for line in found)
    assert found[0] == {"tenant": "acme", "project": "p"}
    assert found[3] == {"index": "acme/p/rapport", "version": 1, "documents": 2, "chunks": 3, "seconds": 0.5}
    assert log.problem is None


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    with EventLog(tmp_path / "runs", "r", keep=1) as log:
        log(EVENTS[0])
    assert stat.S_IMODE((tmp_path / "runs").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "runs/r.jsonl").stat().st_mode) == 0o600


def test_a_long_log_goes_on_in_another_file(tmp_path: Path) -> None:
    with EventLog(tmp_path, "r", keep=1, max_bytes=200) as log:
        for n in range(20):
            log(events.Received("/docs", f"{n}.pdf"))
    parts = [tmp_path / "r.jsonl", *(tmp_path / f"r.{n}.jsonl" for n in range(2, 100))]
    found = [path for path in parts if path.exists()]
    assert len(found) > 3
    assert all(path.stat().st_size <= 200 for path in found)
    assert [line["doc_id"] for path in found for line in lines(path)] == [f"{n}.pdf" for n in range(20)]


def test_only_the_newest_runs_are_kept_with_all_their_files(tmp_path: Path) -> None:
    for n in range(5):
        with EventLog(tmp_path, f"2026010{n}T020000Z-abc", keep=2, max_bytes=100) as log:
            for event in EVENTS:
                log(event)
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".20260102T020000Z-abc.json.4711.tmp").touch()
    EventLog(tmp_path, "20260109T020000Z-abc", keep=2).close()
    left = {path.name.split(".")[0] for path in tmp_path.iterdir()}
    assert left == {"20260104T020000Z-abc", "20260109T020000Z-abc", "notes"}
    assert len(list(tmp_path.glob("20260104*"))) > 1


def test_a_folder_that_cannot_be_made_ends_the_log_only(tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    with EventLog(tmp_path / "a-file/runs", "r", keep=1) as log:
        log(EVENTS[0])
    assert "the event log is not complete" in str(log.problem)


def test_a_full_disk_ends_the_log_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def full(path: str | Path, flags: int, *rest: int) -> int:
        return opened("/dev/full" if Path(path).suffix == ".jsonl" else path, flags, *rest)

    monkeypatch.setattr(os, "open", full)
    with EventLog(tmp_path, "r", keep=1) as log:
        for event in EVENTS:
            log(event)
    assert os.strerror(errno.ENOSPC) in str(log.problem)


def test_a_disk_that_refuses_the_next_file_ends_the_log_only(tmp_path: Path) -> None:
    (tmp_path / "r.2.jsonl").mkdir()
    with EventLog(tmp_path, "r", keep=1, max_bytes=100) as log:
        for event in EVENTS:
            log(event)
    assert "r.2.jsonl" in str(log.problem)
    assert [line["event"] for line in lines(tmp_path / "r.jsonl")] == ["Begun"]


def test_a_run_keeps_its_own_log_even_where_the_clock_went_back(tmp_path: Path) -> None:
    for day in (3, 2, 1):
        with EventLog(tmp_path, f"2026010{day}T020000Z-abc", keep=1) as log:
            log(EVENTS[0])
    assert [path.name for path in tmp_path.iterdir()] == ["20260101T020000Z-abc.jsonl"]
