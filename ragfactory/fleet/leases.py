"""Leases: which run of this user has which card, so that two runs at once never share one."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, unquote

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from ragfactory.errors import DeviceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.fleet.model import Device

_SUFFIX = ".lease"
_TRIES, _PAUSE_S = 20, 0.005
_TRIES_BESIDE_LOOKS = 400  # who looks may be stopped in the middle of it while the machine has other things to do


class Holder(BaseModel):
    """Who holds a lease, and what the card does now. All fields but `pid` and `host` are words for people.

    `benched` says why the run gives the card no more work. While a lease is being taken, nothing is known yet.
    """

    model_config = ConfigDict(frozen=True)

    pid: int | None = None
    host: str = ""
    since: str = ""
    run: str = ""
    role: str | None = None
    document: str | None = None
    benched: str | None = None

    def __str__(self) -> str:
        return f"run {self.run} (pid {self.pid})" if self.run else "another run"

    @property
    def work(self) -> str | None:
        """What the card does now, such as `embed, reports/2024.pdf`; None when it waits for work."""
        return ", ".join(word for word in (self.role, self.document) if word) or None


class Lease:
    """A claim on a card, held as long as this object is open and its process lives.

    The claim is a lock that the kernel drops with the process, so one who died holds nothing. As a context manager it releases
    itself.
    """

    def __init__(self, path: Path, descriptor: int, holder: Holder) -> None:
        self._path = path
        self._descriptor = descriptor
        self._holder = holder
        self._write()

    @classmethod
    def take(cls, directory: Path, device: Device, run_id: str) -> Self | None:
        """Claim a card; None when another has it. Raises DeviceUnavailableError when `directory` cannot be used."""
        if device.uuid is None:
            raise ValueError(f"a card expected, got {device.name}")
        path = directory / f"{quote(device.uuid, safe='')}{_SUFFIX}"
        try:
            _make_private(directory)
            descriptor = _locked(path)
        except OSError as error:
            raise DeviceUnavailableError(f"{path}: a card cannot be claimed: {error.strerror}") from error
        if descriptor is None:
            return None
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(path, descriptor, Holder(pid=os.getpid(), host=socket.gethostname(), since=now, run=run_id))

    def note(self, role: str | None, document: str | None = None, *, benched: str | None = None) -> None:
        """Tell what the card does now; None when it waits for work."""
        self._holder = self._holder.model_copy(update={"role": role, "document": document, "benched": benched})
        self._write()

    def release(self) -> None:
        """Give the card up. Doing it again does nothing."""
        if self._descriptor >= 0:
            if _is_at(self._path, self._descriptor):
                self._path.unlink()  # before the lock goes: after that, the file may be another's
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _write(self) -> None:
        """Write in place: the lock is on this very file. A reader takes the first line, also while a longer one is cut off."""
        line = orjson.dumps(self._holder.model_dump()) + b"\n"
        with suppress(OSError):  # a disk that is full keeps others from reading this; the claim is the lock
            os.pwrite(self._descriptor, line, 0)
            os.ftruncate(self._descriptor, len(line))


def machine_wide() -> Path:
    """The folder of this user's leases on this machine, whatever the home of a run.

    Not the user's runtime folder: that one goes when they log out, and cron does not have it.
    """
    return Path(tempfile.gettempdir()) / f"ragfactory-{os.getuid()}" / "leases"


def holders(directory: Path) -> dict[str, Holder]:
    """Who holds which card, by its UUID. Leases of processes that died are left out."""
    held = {}
    for path in _files(directory):
        with _probe(path, fcntl.LOCK_SH) as is_void:  # shared: two who look are not in each other's way
            if not is_void:
                held[unquote(path.name.removesuffix(_SUFFIX))] = _read(path)
    return held


def remove_void(directory: Path) -> list[str]:
    """Remove the leases of processes that died; returns the UUIDs of their cards."""
    removed = []
    for path in _files(directory):
        with _probe(path, fcntl.LOCK_EX) as is_void:
            if is_void:
                path.unlink(missing_ok=True)
                removed.append(unquote(path.name.removesuffix(_SUFFIX)))
    return removed


def _make_private(directory: Path) -> None:
    """Create the folder, which may be in one that all users share, and see that it is ours."""
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)
    for folder in (directory.parent, directory):
        if not _is_ours(folder):
            raise DeviceUnavailableError(f"{folder}: another user's, and leases on cards are kept there")


def _files(directory: Path) -> list[Path]:
    """The leases; none where the folder is another user's, whatever that holds."""
    return sorted(directory.glob(f"*{_SUFFIX}")) if _is_ours(directory) else []


def _is_ours(folder: Path) -> bool:
    try:
        return folder.stat(follow_symlinks=False).st_uid == os.getuid()
    except FileNotFoundError:
        return False


def _locked(path: Path) -> int | None:
    """The file, open and locked; None when another has it. One who only looks who holds it is waited for."""
    refusals = 0
    for _ in range(_TRIES_BESIDE_LOOKS):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if _lock(descriptor, fcntl.LOCK_EX) and _is_at(path, descriptor):
            return descriptor
        refusals += not _lock(descriptor, fcntl.LOCK_SH)  # those who look share it
        os.close(descriptor)
        if refusals == _TRIES:
            break
        time.sleep(_PAUSE_S)
    return None


@contextmanager
def _probe(path: Path, kind: int) -> Iterator[bool]:
    """Whether nobody holds the lease at `path`; then nobody can take it for as long as this lasts."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:  # released since its name was read
        yield True
        return
    try:
        yield _lock(descriptor, kind) and _is_at(path, descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the file is still the one of that name: who releases a lease, or cleans up, removes it."""
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _read(path: Path) -> Holder:
    for _ in range(_TRIES):
        try:
            return Holder.model_validate_json(path.read_bytes().partition(b"\n")[0])
        except FileNotFoundError:  # released since it was probed
            break
        except ValidationError:  # taken or rewritten this very moment
            time.sleep(_PAUSE_S)
    return Holder()
