"""Who may work: the stations of all devices, kept as the policy, their own failures and the waiting of work have it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from ragfactory import events
from ragfactory.errors import DeviceUnavailableError
from ragfactory.fleet.model import CPU, Device, Role
from ragfactory.fleet.station import Station

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ragfactory.events import Listener
    from ragfactory.fleet.model import Verdict

_STRIKES = 3


class Devices(Protocol):
    """Who says which devices may work, such as `ragfactory.fleet.cards.Share`."""

    def judge(self) -> Sequence[Verdict]:
        """Every device that is known of now, in the order to take them."""
        ...

    def claim(self, device: Device) -> bool:
        """Whether the device is ours from now on. It is asked for before a worker starts, also where it is ours already."""
        ...

    def bench(self, device: Device, reason: str) -> None:
        """Learn that the device gets no more work."""
        ...

    def note(self, device: Device, document: str | None, *, working: bool) -> None:
        """Learn whether the device works now, and for which document."""
        ...

    def release(self, device: Device) -> None:
        """Learn that the device has no worker any more."""
        ...


class Roster:
    """The stations. It asks `devices` every `check_s` seconds, and has the CPU stand in where no card may work for so long."""

    def __init__(
        self, devices: Devices, role: Role, emit: Listener, *, batch_tokens: int, check_s: float, cool_down_s: float
    ) -> None:
        self._devices = devices
        self.role = role
        self._emit = emit
        self._batch_tokens = batch_tokens
        self._check_s = check_s
        self._cool_down_s = cool_down_s
        self._stations: dict[str, Station] = {}
        self._next_look = 0.0
        self._nothing_since: float | None = None
        self._last_trouble = "none was there"
        self._hint: str | None = None
        self.cpu = self._station(Device(CPU))

    def __iter__(self) -> Iterator[Station]:
        return iter(self._stations.values())

    def __getitem__(self, name: str) -> Station:
        return self._stations[name]

    def look(self, log: Path) -> None:
        """Bring all stations up to date. Raises DeviceUnavailableError, which points to `log`, when none can work any more."""
        now = time.monotonic()
        if now >= self._next_look:
            verdicts = self._devices.judge()
            self._next_look = now + self._check_s
            for rank, verdict in enumerate(verdicts):
                self._heed(verdict, rank)
            told = {verdict.device.name for verdict in verdicts}
            for station in self:
                if station.eligible and station.name not in told:
                    self._rest(station, "nothing is known of it now")
        self._see_to_cpu(now, log)

    def look_again(self) -> None:
        """Have the next look be at all devices, however long ago the last one was."""
        self._next_look = 0.0

    def working(self) -> list[Station]:
        """The stations that may work, in the order to take them: those with a worker first."""
        return sorted(
            (station for station in self if station.may_work),
            key=lambda station: (station.worker is None, station.rank),
        )

    def claim(self, station: Station) -> bool:
        """Whether the device is ours from now on. If another run has it, the next look shows that."""
        if self._devices.claim(station.device):
            return True
        self.pause(station)
        return False

    def note(self, station: Station, document: str | None) -> None:
        """Tell that the station works, and for which document."""
        self._devices.note(station.device, document, working=True)

    def note_idle(self) -> None:
        """Tell that no station has work."""
        for station in self:
            if not station.benched:
                self._devices.note(station.device, None, working=False)

    def release(self, station: Station) -> None:
        """Give up a device."""
        self._devices.release(station.device)

    def pause(self, station: Station) -> None:
        """Give a station nothing before devices are looked at again."""
        station.not_before = time.monotonic() + self._check_s

    def strike(self, station: Station, reason: str) -> None:
        """Count a failure of a device; the third without a success in between benches it."""
        station.strikes += 1
        self._last_trouble = f"{station.name}: {reason}"
        if station.strikes == _STRIKES:
            self.bench(station, reason)

    def bench(self, station: Station, reason: str, *, hint: str | None = None) -> None:
        """Give a device no more work; `hint` is what can be done about it."""
        station.benched = True
        self._last_trouble, self._hint = f"{station.name}: {reason}", hint
        self._devices.bench(station.device, reason)
        self._emit(events.Benched(station.name, reason))

    def _station(self, device: Device) -> Station:
        return self._stations.setdefault(device.name, Station(device, self._batch_tokens))

    def _heed(self, verdict: Verdict, rank: int) -> None:
        station = self._station(verdict.device)
        station.rank = rank
        station.lost = verdict.lost
        if verdict.eligible and not station.eligible:
            station.eligible = True
            station.limit = self._batch_tokens
            if station.rests and not station.benched:
                self._emit(events.Resumed(station.name))
            station.rests = False
        elif station.eligible and not verdict.eligible:
            self._rest(station, verdict.reason)

    def _rest(self, station: Station, reason: str) -> None:
        station.eligible, station.rests = False, True
        if not station.benched:
            self._emit(events.Rested(station.name, reason))

    def _see_to_cpu(self, now: float, log: Path) -> None:
        """Have the CPU stand in once no device may work for long enough, or none ever will."""
        others = [station for station in self if station is not self.cpu]
        if any(station.may_work for station in others) or (self.cpu.eligible and not self.cpu.benched):
            self._nothing_since = None
            self.cpu.called = False
            return
        hope = any(not station.benched and not station.lost for station in others)
        if self.cpu.benched and not hope:
            hint = self._hint or f"{log} may say why; `ragfactory doctor` shows the devices there are"
            raise DeviceUnavailableError(f"no device could do the work: {self._last_trouble}", hint=hint)
        if self._nothing_since is None:
            self._nothing_since = now
        if (
            not self.cpu.benched
            and not self.cpu.called
            and (not hope or now - self._nothing_since >= self._cool_down_s)
        ):
            self.cpu.called = True
            so_long = f" for {self._cool_down_s:g} s" if hope and self._cool_down_s else ""
            self._emit(events.FellBack(f"no card could take the work{so_long}"))
