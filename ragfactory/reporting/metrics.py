"""A run's figures for Prometheus, as a file that node_exporter's textfile collector reads.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ragfactory.errors import ExitCode, UsageError
from ragfactory.store.durable import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_LAST_SUCCESS = "ragfactory_last_success_timestamp_seconds"
_SUCCESS = frozenset({ExitCode.OK, ExitCode.PARTIAL})
_FILES = ("added", "changed", "moved", "removed", "unchanged", "left")
_CHUNKS = ("made", "reused", "deduplicated")


@dataclass(frozen=True, slots=True)
class IndexFigures:
    """An index as it serves now: `name` is `tenant/project/type`."""

    name: str
    version: int
    documents: int
    chunks: int


@dataclass(frozen=True, slots=True)
class _Gauge:
    """A metric: a sample, or one for each value of `label`."""

    name: str
    help: str
    samples: Mapping[str, float]
    label: str = field(default="", kw_only=True)

    def lines(self) -> Iterator[str]:
        yield f"# HELP {self.name} {self.help}"
        yield f"# TYPE {self.name} gauge"
        for value, sample in self.samples.items():
            labels = f'{{{self.label}="{_escaped(value)}"}}' if self.label else ""
            yield f"{self.name}{labels} {sample!r}"


def check_metrics_path(path: Path) -> None:
    """Raise UsageError where a run could not write its metrics to `path`."""
    if path.suffix != ".prom":
        raise UsageError(f"{path}: the textfile collector reads names that end in .prom alone", hint="name a file so")
    if path.is_dir():
        raise UsageError(f"{path}: a file for metrics expected, and it is a folder", hint="name a file, such as x.prom")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: no such folder, for the metrics", hint="make it, or name another file")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"{path.parent}: the metrics cannot be written there", hint="allow it, or name another file")


def write_metrics(path: Path, report: Mapping[str, Any], exit_code: int, indexes: Iterable[IndexFigures] = ()) -> None:
    """Replace `path` in one step, readable by all, by the figures of a run that ends now.

    `report` has the keys of a run report; what it lacks is left out. Raises OSError when the disk refuses.
    """
    now = time.time()
    success = now if exit_code in _SUCCESS else _last_success(path)
    gauges = [
        _Gauge("ragfactory_run_end_timestamp_seconds", "When the last run ended, in Unix time.", {"": now}),
        _Gauge("ragfactory_run_exit_code", "The exit code of the last run.", {"": int(exit_code)}),
        _Gauge(
            _LAST_SUCCESS, "When a run last ended with exit code 0 or 3, in Unix time; 0 if none did.", {"": success}
        ),
        *_run_gauges(report),
        *_index_gauges(list(indexes)),
    ]
    text = "".join(f"{line}\n" for gauge in gauges if gauge.samples for line in gauge.lines())
    # The collector runs as another user; it passes over names that do not end in `.prom`.
    replace_file(path, text.encode(), mode=0o644, durable=False)


def _run_gauges(report: Mapping[str, Any]) -> Iterator[_Gauge]:
    seconds = {"": report["seconds"]} if "seconds" in report else {}
    yield _Gauge("ragfactory_run_duration_seconds", "How long the last run took.", seconds)
    yield _Gauge(
        "ragfactory_run_files", "Files of the last run, by what became of them.", _files(report), label="state"
    )
    chunks = {state: report[key] for state in _CHUNKS if (key := f"chunks_{state}") in report}
    yield _Gauge("ragfactory_run_chunks", "Chunks of the last run, by where they came from.", chunks, label="state")
    stages = {stage: totals["seconds"] for stage, totals in report.get("stages", {}).items()}
    help_text = "Work of the last run by stage; stages run at the same time."
    yield _Gauge("ragfactory_stage_seconds", help_text, stages, label="stage")


def _files(report: Mapping[str, Any]) -> dict[str, int]:
    files = {state: report[key] for state in _FILES if (key := f"files_{state}") in report}
    files |= {state: len(report[state]) for state in ("failed", "failed_before") if state in report}
    if "files_skipped" in report:
        files["skipped"] = sum(report["files_skipped"].values())
    return files


def _index_gauges(indexes: list[IndexFigures]) -> Iterator[_Gauge]:
    for what, help_text in (
        ("version", "The version of the index that serves."),
        ("documents", "Documents in the index."),
        ("chunks", "Chunks in the index."),
    ):
        samples = {index.name: getattr(index, what) for index in indexes}
        yield _Gauge(f"ragfactory_index_{what}", help_text, samples, label="index")


def _escaped(value: str) -> str:
    """A label's value as the format asks."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _last_success(path: Path) -> float:
    """What the file of the run before says; 0 where there is none, or none that can be understood."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return 0.0
    found = re.search(rf"(?m)^{_LAST_SUCCESS} ([0-9]+\.?[0-9]*)$", text)
    return float(found[1]) if found else 0.0
