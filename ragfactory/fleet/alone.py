"""One card at a time: for work that is so little that a second card would only cost the loading of its model.

Somebody waits for that work: where the card fails over it, the CPU does it, and no other card is tried before it is done.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.fleet.model import Device, Verdict
    from ragfactory.fleet.roster import Devices


class Alone:
    """Devices of which one card works: the first that may, for as long as it may, and none for the rest of work that it failed
    over. It is used in place of them.
    """

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self._kept: Device | None = None
        self._at_work = False
        self._has_failed = False

    def lose(self) -> None:
        """Learn that a worker is lost. One that had nothing to do kept nobody waiting."""
        self._has_failed = self._at_work

    def judge(self) -> Sequence[Verdict]:
        """Every device that is known of now, in the order to take them; no card but the one may work."""
        verdicts = self._devices.judge()
        if self._has_failed:
            return [
                replace(verdict, eligible=False, reason="a worker was lost over the work under way")
                if verdict.eligible and not verdict.device.is_cpu
                else verdict
                for verdict in verdicts
            ]
        able = [verdict.device for verdict in verdicts if verdict.eligible and not verdict.device.is_cpu]
        if self._kept not in able:
            self._kept = able[0] if able else None
        return [
            replace(verdict, eligible=False, reason=f"{self._kept.name} works alone")
            if self._kept is not None and verdict.device in able and verdict.device != self._kept
            else verdict
            for verdict in verdicts
        ]

    def claim(self, device: Device) -> bool:
        """Whether the device is ours from now on."""
        return self._devices.claim(device)

    def bench(self, device: Device, reason: str) -> None:
        """Learn that the device gets no more work."""
        self._devices.bench(device, reason)

    def note(self, device: Device, document: str | None, *, working: bool) -> None:
        """Learn whether the device works now, and for which document."""
        self._at_work = working
        self._has_failed &= working
        self._devices.note(device, document, working=working)

    def release(self, device: Device) -> None:
        """Learn that the device has no worker any more."""
        self._devices.release(device)
