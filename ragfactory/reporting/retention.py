"""What is remembered of runs: files of the newest, by the run's id, which begins with the time it started."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_FILE = re.compile(r"\.?(?P<run_id>[^.]+)\.([0-9]+\.)?jsonl?(\.[^.]+\.tmp)?")  # also what a killed run had not finished


def remove_old_runs(folder: Path, run_id: str, keep: int) -> None:
    """Remove the reports or logs of all runs but the newest `keep`, of which `run_id` is always one. Raises OSError."""
    files = {path: found["run_id"] for path in folder.iterdir() if (found := _FILE.fullmatch(path.name))}
    others = sorted(set(files.values()) - {run_id}, reverse=True)
    old = set(others[keep - 1 :])
    for path, owner in files.items():
        if owner in old:
            path.unlink(missing_ok=True)
