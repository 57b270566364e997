"""Fleets of real worker processes on devices that are said to be there."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ragfactory.fleet.model import CPU, Device, Verdict
from ragfactory.fleet.work import Item

if TYPE_CHECKING:
    from collections.abc import Sequence


MARK = "RAGFACTORY_WORKER"


class Told:
    """Devices that may work for as long as a test says so: `cards` of them, and the CPU when no card ever could."""

    def __init__(self, cards: int) -> None:
        devices = [Device(f"gpu{n}", f"GPU-{n}") for n in range(cards)]
        self.verdicts = [Verdict(device, eligible=True, reason="cool") for device in devices]
        self.verdicts.append(Verdict(Device(CPU), eligible=not cards, reason="the last resort"))

    def judge(self) -> Sequence[Verdict]:
        return tuple(self.verdicts)

    def claim(self, _device: Device) -> bool:
        return True

    def bench(self, device: Device, reason: str) -> None:
        pass

    def note(self, device: Device, document: str | None, *, working: bool) -> None:
        pass

    def release(self, device: Device) -> None:
        pass

    def say(self, name: str, *, eligible: bool, reason: str = "80 °C", lost: bool = False) -> None:
        """Change what is said of a device from the next look on."""
        self.verdicts = [
            replace(verdict, eligible=eligible, reason=reason, lost=lost) if verdict.device.name == name else verdict
            for verdict in self.verdicts
        ]


def items(*payloads: bytes, weight: int = 10) -> list[Item]:
    return [Item(str(n), weight, payload) for n, payload in enumerate(payloads)]


def plain(count: int) -> list[bytes]:
    return [f"text {n}".encode() for n in range(count)]


def hashes(payloads: Sequence[bytes]) -> list[bytes]:
    """What workers answer."""
    return [hashlib.sha256(payload).digest() for payload in payloads]


def workers_of(parent: int) -> list[int]:
    """The processes that carry the mark of a worker of that parent, and have not ended. They were all there at one moment: one that
    ended while others were looked for, and made room for the last of them, is not told of.
    """
    found = []
    for entry in Path("/proc").iterdir():
        try:
            marked = any(
                variable.startswith(f"{MARK}=".encode()) and variable.endswith(f":{parent}".encode())
                for variable in (entry / "environ").read_bytes().split(b"\0")
            )
            if entry.name.isdigit() and marked:
                found.append(int(entry.name))
        except OSError:
            continue  # not a process, or gone meanwhile
    return [worker for worker in found if state_of(worker) != "Z"]


def state_of(pid: int) -> str:
    """A process's state, as Linux has it; Z once it has ended, or is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def open_descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}
