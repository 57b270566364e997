"""The metrics file: the text format of Prometheus, put in place in one step."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import UsageError
from ragfactory.reporting.metrics import IndexFigures, check_metrics_path, write_metrics
from ragfactory.reporting.report import RunReport

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = re.compile(r'([a-z_]+)(?:\{([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"\})? (\S+)')
LAST_SUCCESS = "ragfactory_last_success_timestamp_seconds"


def samples(path: Path) -> dict[tuple[str, str], float]:
    """The samples of a file by (name, value of the label), after a check of all that the format asks."""
    text = path.read_text()
    assert text.endswith("\n")
    found: dict[tuple[str, str], float] = {}
    helped = typed = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped = line.split(" ")[2]
        elif line.startswith("# TYPE "):
            _, _, typed, kind = line.split(" ")
            assert (typed, kind) == (helped, "gauge")
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, _, label, value = match.groups()
            assert name == typed
            assert (name, label or "") not in found
            found[name, label or ""] = float(value)
    return found


def report() -> dict[str, object]:
    done = RunReport(seconds=12.5, files_added=3, files_moved=1, files_skipped={".png": 2, ".zip": 1}, chunks_made=40)
    done.failed.append({"path": "bad.pdf"})
    done.stages["embed"].seconds = 9.25
    return done.to_dict()


def test_a_run_is_told_in_figures(tmp_path: Path) -> None:
    path = tmp_path / "ragfactory.prom"
    index = IndexFigures("acme/p/jaarrekening", version=7, documents=100, chunks=5000)
    before = time.time()
    write_metrics(path, report(), 3, [index])
    found = samples(path)
    assert found["ragfactory_run_duration_seconds", ""] == 12.5
    assert found["ragfactory_run_exit_code", ""] == 3
    assert before <= found["ragfactory_run_end_timestamp_seconds", ""] == found[LAST_SUCCESS, ""]
    states = {label: value for (name, label), value in found.items() if name == "ragfactory_run_files"}
    assert (states["added"], states["moved"], states["failed"], states["skipped"]) == (3, 1, 1, 3)
    assert {"changed", "removed", "unchanged", "left", "failed_before"} <= states.keys()
    assert found["ragfactory_run_chunks", "made"] == 40
    assert found["ragfactory_stage_seconds", "embed"] == 9.25
    figures = [found[f"ragfactory_index_{what}", "acme/p/jaarrekening"] for what in ("version", "documents", "chunks")]
    assert figures == [7, 100, 5000]


def test_the_last_success_is_kept_by_a_run_that_fails(tmp_path: Path) -> None:
    path = tmp_path / "ragfactory.prom"
    write_metrics(path, report(), 4)
    assert samples(path)[LAST_SUCCESS, ""] == 0
    write_metrics(path, report(), 0)
    success = samples(path)[LAST_SUCCESS, ""]
    write_metrics(path, {}, 6)
    found = samples(path)
    assert found[LAST_SUCCESS, ""] == success
    assert found["ragfactory_run_exit_code", ""] == 6


def test_a_label_may_hold_anything(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    write_metrics(path, {}, 0, [IndexFigures('a"b\\c\nd', 1, 2, 3)])
    assert ("ragfactory_index_version", 'a\\"b\\\\c\\nd') in samples(path)


def test_the_collector_may_read_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    for _ in range(2):
        write_metrics(path, report(), 0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_told_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    (tmp_path / "folder.prom").mkdir()
    wrong = ("x.txt", "folder.prom", "no/such/x.prom", "a-file/x.prom")
    for path in (tmp_path / name for name in wrong):
        with pytest.raises(UsageError):
            check_metrics_path(path)
    check_metrics_path(tmp_path / "x.prom")


def test_a_folder_that_cannot_be_written_is_told_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # whoever runs this test may be allowed everything
    with pytest.raises(UsageError, match="cannot be written"):
        check_metrics_path(tmp_path / "x.prom")


@pytest.mark.parametrize("damaged", [b"", b"\xff\xfe", f"{LAST_SUCCESS} soon\n".encode()])
def test_a_file_that_cannot_be_understood_tells_of_no_success(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "x.prom"
    path.write_bytes(damaged)
    write_metrics(path, {}, 4)
    assert samples(path)[LAST_SUCCESS, ""] == 0


def test_the_collector_may_read_it_whatever_the_mask(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        write_metrics(tmp_path / "x.prom", {}, 0)
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "x.prom").stat().st_mode) == 0o644


def test_a_disk_that_refuses_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.prom"
    write_metrics(path, report(), 0)
    before = path.read_bytes()

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_metrics(path, report(), 4)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
