"""Cards, devices and roles, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

CPU = "cpu"


class Role(StrEnum):
    """What a worker's model does."""

    EMBED = "embed"
    RERANK = "rerank"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class CardProcess:
    """A process that holds memory of a card, in MiB (None where the driver does not tell). `work` says what it does when it is one
    of ours.
    """

    pid: int
    name: str
    used_mb: int | None
    work: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU as the driver sees it at one moment; None where the card does not tell. `problem` says why it cannot be used at all,
    such as one that fell off the bus.

    Memory is in MiB, temperatures in degrees Celsius, power in watts, utilisation and fan in percent.
    """

    index: int
    uuid: str
    name: str
    total_mb: int = 0
    used_mb: int = 0
    free_mb: int = 0
    temperature_c: int | None = None
    limit_c: int | None = None
    utilization_pct: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    fan_pct: int | None = None
    processes: tuple[CardProcess, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """All cards of this machine at one moment, or why there are none to see (`problem`)."""

    driver: str | None = None
    cuda: str | None = None
    cards: tuple[Card, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """Something that a worker can be pinned to: a card by its UUID, or the CPU."""

    name: str
    uuid: str | None = None

    @property
    def is_cpu(self) -> bool:
        """Whether it is the CPU."""
        return self.uuid is None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a device may be given work of a role now, and why or why not, in words for people.

    One that is `lost` cannot work at all, such as a card that fell off the bus: its worker is given up.
    """

    device: Device
    eligible: bool
    reason: str
    lost: bool = False
