"""Every run is reported: its events go to its report and to whoever listens, and the report is kept when it ends."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from ragfactory.reporting.retention import remove_old_runs
from ragfactory.store.durable import make_private_dirs, replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.config import Config
    from ragfactory.events import Event, Listener
    from ragfactory.reporting.report import RunReport


@contextmanager
def reported(report: RunReport, config: Config, listener: Listener, *, kept: bool) -> Iterator[Listener]:
    """Where a run tells its events, from any of its threads. Whatever the end, the report is then `kept`, or not."""
    lock = Lock()
    started = time.perf_counter()

    def emit(event: Event) -> None:
        with lock:
            report(event)
            listener(event)

    try:
        yield emit
    finally:
        report.seconds = time.perf_counter() - started
        if kept:
            _keep(report, config)


def _keep(report: RunReport, config: Config) -> None:
    """Write the report. What the run did stands without it, so a disk that refuses is told and no more."""
    try:
        make_private_dirs(config.runs)
        replace_file(config.runs / f"{report.run_id}.json", report.to_json())
        remove_old_runs(config.runs, report.run_id, config.keep_logs)
    except OSError as error:
        report.notices.append(f"the run report cannot be kept: {error}")
