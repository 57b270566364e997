"""Holding a version: for as long as it is open, in this process or another, also where a lock comes late or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from ragfactory.store.readers import hold, shut_out_readers
from tests.store.conftest import contents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.store.conftest import Shelf

FIRST = {"a.txt": ["het gebouw aan de kade"]}
SECOND = {"a.txt": ["het gebouw is verkocht"]}

FLOCK = fcntl.flock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is held as a version is."""
    (tmp_path / "000001").mkdir()
    (tmp_path / "000001" / "manifest.json").write_bytes(b"{}")
    return tmp_path / "000001"


def is_unread(folder: Path) -> bool:
    with shut_out_readers(folder) as unread:
        return unread


def before_the_first_lock(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen between a reader's opening of a manifest and its lock on it."""
    pending = [happens]

    def flock(descriptor: int, operation: int) -> None:
        if pending:
            pending.pop()()
        FLOCK(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)


def refuse_locks(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def flock(_descriptor: int, _operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)


def test_a_version_is_read_until_its_last_reader_closes_it(folder: Path) -> None:
    assert is_unread(folder)
    first, second = hold(folder), hold(folder)
    assert not is_unread(folder)
    first.close()
    first.close()
    assert not is_unread(folder)
    second.close()
    assert is_unread(folder)


def test_what_is_not_there_cannot_be_held(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        hold(folder.with_name("000002"))


@pytest.mark.parametrize("successor", [False, True])
def test_a_version_that_goes_while_a_reader_waits_is_not_held(
    folder: Path, monkeypatch: pytest.MonkeyPatch, successor: bool
) -> None:
    def goes() -> None:
        folder.rename(folder.with_name("gone"))
        if successor:
            folder.mkdir()
            (folder / "manifest.json").write_bytes(b"{}")

    before_the_first_lock(monkeypatch, goes)
    with pytest.raises(FileNotFoundError):
        hold(folder)
    assert is_unread(folder.with_name("gone"))


def test_who_opens_the_index_while_its_version_goes_gets_the_next_one(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.publish(FIRST)
    shelf.publish(SECOND)
    shelf.paths.current.write_text("000001\n")

    def goes() -> None:
        shelf.paths.version(1).rename(shelf.paths.root / ".pruned-000001")
        shelf.paths.current.write_text("000002\n")

    before_the_first_lock(monkeypatch, goes)
    with shelf.open() as version:
        assert contents(version) == SECOND


def test_the_rest_of_a_version_is_read_by_nobody(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    assert is_unread(folder)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_without_locks_versions_are_read_and_never_removed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refuse_locks(monkeypatch, number)
    hold(folder).close()
    with pytest.raises(OSError, match=r".") as caught, shut_out_readers(folder):
        pass
    assert caught.value.errno == number


def test_a_lock_that_fails_is_no_missing_lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_locks(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        hold(folder)
