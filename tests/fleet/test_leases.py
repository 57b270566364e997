"""Leases over processes: one holder a card, whatever the holder's end, and what others can read of it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import DeviceUnavailableError
from ragfactory.fleet.leases import Holder, Lease, holders, remove_void
from ragfactory.fleet.model import CPU, Device

if TYPE_CHECKING:
    from pathlib import Path

CARD = Device("gpu0", "GPU-1a2b")
RUN = "20250101T020000Z-abc123"
HOLDING = """
import sys
from pathlib import Path
from ragfactory.fleet.leases import Lease
from ragfactory.fleet.model import Device

lease = Lease.take(Path(sys.argv[1]), Device("gpu0", sys.argv[2]), "their run")
print("taken" if lease else "refused", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "run" / "leases"


class OtherProcess:
    """One that takes a lease and holds it until it ends."""

    def __init__(self, directory: Path, uuid: str) -> None:
        words = [sys.executable, "-c", HOLDING, str(directory), uuid]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.answer = self._process.stdout.readline().strip()
        self.pid = self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def taken(directory: Path, device: Device = CARD) -> Lease:
    lease = Lease.take(directory, device, RUN)
    assert lease is not None
    return lease


def test_one_holder_at_a_time(directory: Path) -> None:
    lease = taken(directory)
    assert Lease.take(directory, CARD, "another") is None
    lease.release()
    lease.release()
    with taken(directory):
        assert list(holders(directory)) == [CARD.uuid]
    assert holders(directory) == {}


def test_the_holder_tells_who_it_is_and_what_it_does(directory: Path) -> None:
    with taken(directory) as lease:
        holder = holders(directory)["GPU-1a2b"]
        assert (holder.pid, holder.run, holder.work) == (os.getpid(), RUN, None)
        assert str(holder) == f"run {RUN} (pid {os.getpid()})"
        lease.note("embed", "klanten/jaarrekening van een heel lange naam 2024.pdf")
        assert holders(directory)["GPU-1a2b"].work == "embed, klanten/jaarrekening van een heel lange naam 2024.pdf"
        lease.note("write", "k.pdf")
        assert holders(directory)["GPU-1a2b"].work == "write, k.pdf"
        lease.note(None, benched="three workers died on it")
        assert holders(directory)["GPU-1a2b"].model_dump(include={"work", "benched", "since"}) == {
            "benched": "three workers died on it",
            "since": holder.since,
        }


def test_another_process_is_refused_and_seen(directory: Path) -> None:
    with taken(directory):
        other = OtherProcess(directory, "GPU-1a2b")
        assert other.answer == "refused"
        other.kill()
    other = OtherProcess(directory, "GPU-1a2b")
    assert other.answer == "taken"
    assert Lease.take(directory, CARD, RUN) is None
    assert (holders(directory)["GPU-1a2b"].pid, holders(directory)["GPU-1a2b"].run) == (other.pid, "their run")
    other.kill()


def test_the_lease_of_a_process_that_was_killed_is_void(directory: Path) -> None:
    other = OtherProcess(directory, "GPU-1a2b")
    other.kill()
    assert len(list(directory.iterdir())) == 1
    assert holders(directory) == {}
    with taken(directory):
        assert holders(directory)["GPU-1a2b"].run == RUN


def test_only_void_leases_are_removed(directory: Path) -> None:
    OtherProcess(directory, "GPU-1a2b").kill()
    with taken(directory, Device("gpu1", "GPU-3c4d")):
        assert remove_void(directory) == ["GPU-1a2b"]
        assert list(holders(directory)) == ["GPU-3c4d"]
    assert remove_void(directory) == []
    assert list(directory.iterdir()) == []


def test_a_process_that_a_holder_started_does_not_hold_the_lease(directory: Path) -> None:
    lease = taken(directory)
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    lease.release()
    taken(directory).release()
    child.communicate()


def test_who_looks_is_not_in_the_way_of_who_takes(directory: Path) -> None:
    OtherProcess(directory, "GPU-1a2b").kill()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            holders(directory)

    watchers = [threading.Thread(target=look) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    try:
        for _ in range(200):
            with taken(directory) as lease:
                lease.note("embed", "x" * 50)
    finally:
        done.set()
        for watcher in watchers:
            watcher.join()


def test_one_who_is_stopped_while_he_looks_does_not_keep_the_card(directory: Path) -> None:
    OtherProcess(directory, "GPU-1a2b").kill()
    (file,) = directory.iterdir()
    with file.open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        going_on = threading.Timer(0.5, fcntl.flock, (looking, fcntl.LOCK_UN))
        going_on.start()
        with taken(directory):
            assert list(holders(directory)) == [CARD.uuid]
        going_on.join()


def test_a_holder_that_is_rewritten_is_read_whole(directory: Path) -> None:
    long, short = "embed, " + "a" * 3000, "embed, b"
    with taken(directory) as lease:
        lease.note("embed", "b")
        done = threading.Event()

        def rewrite() -> None:
            while not done.is_set():
                lease.note("embed", "a" * 3000)
                lease.note("embed", "b")

        writer = threading.Thread(target=rewrite)
        writer.start()
        try:
            seen = {holders(directory)["GPU-1a2b"].work for _ in range(500)}
        finally:
            done.set()
            writer.join()
    assert seen <= {long, short}


@pytest.mark.parametrize("uuid", ["../../etc/passwd", "MIG-GPU-1/2/3", "..", "a b\n\0", "GPU-é"])
def test_a_strange_uuid_makes_a_safe_name(uuid: str, directory: Path) -> None:
    with taken(directory, Device("gpu0", uuid)):
        (file,) = directory.iterdir()
        assert file.name.isascii()
        assert file.name.isprintable()
        assert list(holders(directory)) == [uuid]


def test_a_lease_that_cannot_be_read_still_counts(directory: Path) -> None:
    with taken(directory):
        (file,) = directory.iterdir()
        file.write_bytes(b"\xff{")
        assert holders(directory) == {"GPU-1a2b": Holder()}
        assert str(Holder()) == "another run"


def test_leases_are_for_their_owner_alone(directory: Path) -> None:
    with taken(directory):
        (file,) = directory.iterdir()
        assert [path.stat().st_mode & 0o777 for path in (directory.parent, directory, file)] == [0o700, 0o700, 0o600]


def test_a_folder_that_is_no_folder_or_leads_elsewhere_is_refused(directory: Path, tmp_path: Path) -> None:
    directory.parent.mkdir()
    directory.write_text("a file")
    with pytest.raises(DeviceUnavailableError, match="cannot be claimed"):
        Lease.take(directory, CARD, RUN)
    directory.unlink()
    directory.mkdir()
    (directory / "GPU-1a2b.lease").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeviceUnavailableError, match="cannot be claimed"):
        Lease.take(directory, CARD, RUN)
    assert not (tmp_path / "elsewhere").exists()


def test_the_cpu_is_not_leased(directory: Path) -> None:
    with pytest.raises(ValueError, match="a card expected, got cpu"):
        Lease.take(directory, Device(CPU), RUN)


def test_no_lease_was_ever_taken(directory: Path) -> None:
    assert (holders(directory), remove_void(directory)) == ({}, [])


def test_another_users_folder_is_not_used(directory: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a folder to another user")
    lease = taken(directory)
    os.chown(directory, 12345, 12345)
    assert (holders(directory), remove_void(directory)) == ({}, [])
    with pytest.raises(DeviceUnavailableError, match="another user's"):
        Lease.take(directory, CARD, RUN)
    lease.release()
