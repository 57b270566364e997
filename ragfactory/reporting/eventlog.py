"""The event log: each event of a run as a line of JSON, for finding out later what happened."""

from __future__ import annotations

import contextlib
import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Self

from ragfactory.reporting.jsontext import to_json
from ragfactory.reporting.retention import remove_old_runs
from ragfactory.store.durable import make_private_dirs

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.events import Event


class EventLog:
    """A listener that appends events to `<folder>/<run_id>.jsonl`; as a context manager it closes itself.

    Past `max_bytes` it goes on in `<run_id>.2.jsonl` and so on. When it opens, the logs of all runs but the newest `keep`, this
    one included, are removed. A disk that refuses ends the log, not the run: `problem` then says what happened.
    """

    def __init__(self, folder: Path, run_id: str, keep: int, max_bytes: int = 64 * 2**20) -> None:
        self._folder = folder
        self._run_id = run_id
        self._max_bytes = max_bytes
        self._part = 1
        self._file: BinaryIO | None = None
        self._problem: str | None = None
        try:
            make_private_dirs(folder)
            remove_old_runs(folder, run_id, keep)
            self._file = self._open()
        except OSError as error:
            self._give_up(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, event: Event) -> None:
        """Append an event."""
        if self._file is None:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = to_json({"time": now, "event": type(event).__name__, **asdict(event)}) + b"\n"
        try:
            size = self._file.tell()
            if size and size + len(line) > self._max_bytes:
                self._file.close()
                self._part += 1
                self._file = self._open()
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Close the file. What follows is not logged."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def problem(self) -> str | None:
        """What the disk refused, if it did."""
        return self._problem

    def _open(self) -> BinaryIO:
        name = f"{self._run_id}.jsonl" if self._part == 1 else f"{self._run_id}.{self._part}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return os.fdopen(os.open(self._folder / name, flags, 0o600), "ab")

    def _give_up(self, error: OSError) -> None:
        self._problem = f"the event log is not complete: {error}"
        if self._file is not None:
            with contextlib.suppress(OSError):  # closing tries to write the same line again
                self._file.close()
            self._file = None
