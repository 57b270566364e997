"""One writer an index: a second process is told who holds the lock, and a dead one holds nothing."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import LockedError
from ragfactory.store.lock import writer_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLD = """
import sys
from pathlib import Path
from ragfactory.errors import LockedError
from ragfactory.store.lock import writer_lock
try:
    with writer_lock(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
except LockedError as error:
    print(error.message, flush=True)
"""


@contextmanager
def another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that tries to hold the lock until its standard input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_second_writer_is_told_who_has_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "LOCK"
    with another_process(lock) as holder:
        assert said(holder) == "held"
        with pytest.raises(LockedError, match=f"process {holder.pid} on .* since 20") as caught, writer_lock(lock):
            pass
        assert str(tmp_path) in caught.value.message
        with another_process(lock) as second:
            assert f"process {holder.pid} on" in said(second)


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "LOCK"
    with another_process(lock) as holder:
        assert said(holder) == "held"
        holder.kill()
        holder.wait()
        with writer_lock(lock), another_process(lock) as second:
            assert f"process {holder.pid} on" not in said(second)


def test_the_lock_is_free_after_use_and_after_an_error(tmp_path: Path) -> None:
    lock = tmp_path / "LOCK"
    with pytest.raises(ZeroDivisionError), writer_lock(lock):
        raise ZeroDivisionError
    with writer_lock(lock), pytest.raises(LockedError), writer_lock(lock):
        pass
    with another_process(lock) as process:
        assert said(process) == "held"


def test_a_holder_that_has_not_written_its_name_yet_is_another_run(tmp_path: Path) -> None:
    lock = tmp_path / "LOCK"
    with writer_lock(lock):
        lock.write_bytes(b"")
        with pytest.raises(LockedError, match="another run"), writer_lock(lock):
            pass
