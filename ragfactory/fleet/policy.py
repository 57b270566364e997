"""Which device may be given work now, and why or why not: decisions alone, over what the driver and the leases say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ragfactory.errors import DeviceUnavailableError, UsageError
from ragfactory.fleet.model import CPU, Device, Role, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ragfactory.config import Fleet
    from ragfactory.fleet.leases import Holder
    from ragfactory.fleet.model import Box, Card


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices that may work, as they were asked for: all cards (`cards` is None), those of these indexes, or, where there are
    none, the CPU alone.
    """

    asked: str
    cards: frozenset[int] | None

    @classmethod
    def parse(cls, asked: str) -> Self:
        """Read `auto`, `cpu`, or indexes of cards such as `0,2-5`. Raises UsageError for anything else."""
        if asked in {"auto", CPU}:
            return cls(asked, None if asked == "auto" else frozenset())
        cards: set[int] = set()
        for part in asked.split(","):
            found = re.fullmatch(r"\s*(\d{1,3})(?:-(\d{1,3}))?\s*", part)
            first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
            if last < first:
                raise UsageError(
                    f"devices: auto, cpu or cards such as 0,2-5 expected, got {asked!r}",
                    hint="`ragfactory gpu status` shows the cards",
                )
            cards.update(range(first, last + 1))
        return cls(asked, frozenset(cards))

    def allow(self, card: Card) -> bool:
        """Whether a card may work."""
        return self.cards is None or card.index in self.cards

    def require(self, box: Box) -> None:
        """Raise DeviceUnavailableError when a card that was asked for by its index is not in the machine."""
        there = sorted(card.index for card in box.cards)
        missing = sorted((self.cards or frozenset()).difference(there))
        if missing:
            found = f"this machine has no card {_listed(missing)}, it has {_listed(there)}"
            raise DeviceUnavailableError(
                f"devices {self.asked}: {box.problem or found}",
                hint="`ragfactory gpu status` shows the cards; devices auto takes those there are",
            )


class Policy:
    """The rules for giving work to devices. It remembers which cards rest and which are benched.

    A card rests from `max_temperature_c` on until it is below `resume_temperature_c`. Times are seconds of a clock that never goes
    back.
    """

    def __init__(self, fleet: Fleet) -> None:
        """Raises UsageError when `fleet.devices` cannot be read."""
        self.devices = Devices.parse(fleet.devices)
        self._fleet = fleet
        self._needs = {Role.EMBED: fleet.embed_mb, Role.RERANK: fleet.rerank_mb, Role.WRITE: fleet.write_mb}
        self._preferred = {Role(name): frozenset(cards) for name, cards in fleet.prefer.items()}
        self._resting: dict[str, float] = {}
        self._benched: dict[tuple[str, Role], str] = {}
        self._had_cards = False

    def absent_preferences(self, box: Box) -> str | None:
        """Which preferred cards are not in the machine, in words; None where all are, or where the driver does not tell."""
        there = sorted(card.index for card in box.cards)
        absent = {role: sorted(cards.difference(there)) for role, cards in self._preferred.items()}
        named = ", ".join(f"{role} = {indexes}" for role, indexes in absent.items() if indexes)
        if box.problem or not named:
            return None
        has = f"it has {_listed(there)}" if there else "it has none"
        return f"fleet.prefer names cards that this machine does not have ({named}; {has}): they are not heeded"

    def needs_mb(self, role: Role) -> int:
        """Free memory that a card needs for a role, in MiB, where nothing better is known."""
        return self._needs[role]

    def bench(self, uuid: str, role: Role, reason: str) -> None:
        """Give a card no more work of a role, ever."""
        self._benched[uuid, role] = reason

    def observe(self, box: Box, now: float) -> None:
        """Learn which cards have to rest, and which have rested enough. One that does not tell its temperature stays as it was."""
        self._had_cards |= bool(box.cards)
        for card in box.cards:
            if card.temperature_c is None:
                continue
            if card.temperature_c >= self._fleet.max_temperature_c:
                self._resting.setdefault(card.uuid, now)
            elif card.temperature_c < self._fleet.resume_temperature_c:
                self._resting.pop(card.uuid, None)

    def rest(self, card: Card, now: float) -> str | None:
        """Why a card rests, in words; None when it does not."""
        since = self._resting.get(card.uuid)
        if since is None:
            return None
        so_long = f" for {now - since:.0f} s" if now - since >= 1 else ""
        return f"resting{so_long}: {_degrees(card)}, works again below {self._fleet.resume_temperature_c} °C"

    def judge(
        self,
        box: Box,
        role: Role,
        now: float,
        leased: Mapping[str, Holder],
        own: Collection[str],
        *,
        needed_mb: int | None = None,
        settled: Collection[str] = (),
        promised: Mapping[str, int] | None = None,
    ) -> list[Verdict]:
        """Judge every card and the CPU for a role, in the order to take them: those that may work first, the CPU last.

        `leased` and `own` are the cards with a lease and those whose lease is ours, by UUID. `needed_mb` is memory in MiB, where it
        was measured; cards of `settled` have it, and of `promised` ones so much is taken, whatever is free. Of the cards that may
        work, the preferred come first, then the coolest, then the freest.
        """
        self.observe(box, now)
        needed = (self._needs[role] if needed_mb is None else needed_mb) + self._fleet.keep_free_mb
        preferred = self._preferred.get(role, frozenset())
        wait = self._had_cards and not box.cards  # the driver fell silent; what it said before may be true again
        verdicts = []
        for card in sorted(box.cards, key=lambda card: _rank(card, preferred)):
            free_mb = min(card.free_mb, card.total_mb - (promised or {}).get(card.uuid, 0))
            lacks = free_mb < needed and card.uuid not in settled
            holder = None if card.uuid in own else leased.get(card.uuid)
            never = self._never(card, role, needed)
            short = f"{free_mb:,} MiB free, {needed:,} needed" if lacks else None
            refusal = never or self._not_now(card, holder, now) or short
            favour = ", preferred" if card.index in preferred else ""
            reason = refusal or f"{_degrees(card)}, {card.free_mb:,} MiB free{favour}"
            device = Device(f"gpu{card.index}", card.uuid)
            verdicts.append(Verdict(device, eligible=refusal is None, reason=reason, lost=card.problem is not None))
            wait = wait or never is None
        return [*sorted(verdicts, key=lambda verdict: not verdict.eligible), self._judge_cpu(box, wait=wait)]

    def _never(self, card: Card, role: Role, needed: int) -> str | None:
        """Why there is no use in waiting for a card."""
        if not self.devices.allow(card):
            return f"not asked for (devices {self.devices.asked})"
        if card.problem:
            return card.problem
        if reason := self._benched.get((card.uuid, role)):
            return f"benched: {reason}"
        if card.total_mb < needed:
            return f"too small: {card.total_mb:,} MiB, {needed:,} needed"
        return None

    def _not_now(self, card: Card, holder: Holder | None, now: float) -> str | None:
        return f"leased by {holder}" if holder is not None else self.rest(card, now)

    def _judge_cpu(self, box: Box, *, wait: bool) -> Verdict:
        if self.devices.cards is not None and not self.devices.cards:
            return Verdict(Device(CPU), eligible=True, reason="asked for (devices cpu)")
        if wait:
            late = f"only when no card could take the work for {self._fleet.cool_down_s:g} s"
            return Verdict(Device(CPU), eligible=False, reason=late)
        return Verdict(Device(CPU), eligible=True, reason=box.problem or "no card can do it")


def _rank(card: Card, preferred: Collection[int]) -> tuple[bool, bool, int, int, int]:
    """The order in which cards are taken. One that does not tell its temperature comes after those that do."""
    unknown = card.temperature_c is None
    return card.index not in preferred, unknown, card.temperature_c or 0, -card.free_mb, card.index


def _degrees(card: Card) -> str:
    return "temperature unknown" if card.temperature_c is None else f"{card.temperature_c} °C"


def _listed(indexes: Sequence[int]) -> str:
    return ", ".join(map(str, indexes))
