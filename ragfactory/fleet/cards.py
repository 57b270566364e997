"""The machine's devices as one run has them: what the driver sees, what the policy says of it, and the leases taken."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, Self

from ragfactory.fleet.leases import Lease, holders

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from ragfactory.fleet.model import Box, Device, Role, Verdict
    from ragfactory.fleet.policy import Policy


class Looks(Protocol):
    """Something that sees the cards, such as `ragfactory.fleet.driver.Driver`."""

    def look(self) -> Box: ...


class Cards:
    """Says which devices may work, and claims cards for a run. Leases are in `directory`; `close` gives them up.

    Fleets have a share each: a card is the run's until the last of them has left it.
    """

    def __init__(self, driver: Looks, policy: Policy, run_id: str, directory: Path) -> None:
        self._driver = driver
        self._policy = policy
        self._run_id = run_id
        self._directory = directory
        self._leases: dict[str, Lease] = {}
        self._shares: dict[str, set[Share]] = {}
        self._needs: dict[Role, int] = {}

    def need(self, role: Role, free_mb: int) -> None:
        """Judge by the memory, in MiB, that a role's model is known to take."""
        self._needs[role] = free_mb

    def share(self, role: Role) -> Share:
        """What one fleet has of the cards."""
        return Share(self, role)

    def judge(self, role: Role, settled: Collection[str] = (), share: Share | None = None) -> list[Verdict]:
        """Every device as it is now, in the order to take them. Cards of `settled`, by UUID, have the memory for the role.

        What other shares than `share` have of a card counts as taken whatever is free: a worker that loads does not hold it yet.
        """
        box = self._driver.look()
        verdicts = self._policy.judge(
            box,
            role,
            time.monotonic(),
            holders(self._directory),
            self._leases,
            needed_mb=self._needs.get(role),
            settled=settled,
            promised={
                uuid: sum(self._need(other.role) for other in shares if other is not share)
                for uuid, shares in self._shares.items()
            },
        )
        lost = {card.uuid for card in box.cards if card.problem}
        return [replace(verdict, lost=verdict.device.uuid in lost) for verdict in verdicts]

    def crowded(self, share: Share) -> set[str]:
        """The cards, by UUID, that could work for a share if what others of this run have there would leave."""
        taken = {uuid for uuid, shares in self._shares.items() if share not in shares}
        able = [
            {verdict.device.uuid for verdict in self.judge(share.role, settled, share) if verdict.eligible}
            for settled in (taken, ())
        ]
        return taken & (able[0] - able[1])

    def _need(self, role: Role) -> int:
        return self._needs.get(role) or self._policy.needs_mb(role)

    def claim(self, device: Device, share: Share) -> bool:
        """Whether this run has the device from now on; the CPU is everybody's."""
        if device.uuid is None:
            return True
        if device.uuid not in self._leases:
            lease = Lease.take(self._directory, device, self._run_id)
            if lease is None:
                return False
            lease.note(share.role)
            self._leases[device.uuid] = lease
        self._shares.setdefault(device.uuid, set()).add(share)
        return True

    def note(self, device: Device, role: Role | None, document: str | None) -> None:
        """Tell others what a card of ours does now, and for which document; no role when it waits for work."""
        if device.uuid is not None and (lease := self._leases.get(device.uuid)):
            lease.note(role, document)

    def bench(self, device: Device, role: Role, reason: str) -> None:
        """Give a card no more work of a role in this run, and tell others why."""
        if device.uuid is not None:
            self._policy.bench(device.uuid, role, reason)
            if lease := self._leases.get(device.uuid):
                lease.note(None, benched=reason)

    def release(self, device: Device, share: Share) -> None:
        """Give a card up to other runs, once no share has it."""
        if device.uuid is None:
            return
        shares = self._shares.get(device.uuid, set())
        shares.discard(share)
        if not shares:
            self._shares.pop(device.uuid, None)
            if lease := self._leases.pop(device.uuid, None):
                lease.release()

    def close(self) -> None:
        """Give all cards up."""
        self._shares.clear()
        while self._leases:
            self._leases.popitem()[1].release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Share:
    """The cards as one fleet sees them. A card where it has a worker has the memory for it, whatever the driver can tell."""

    def __init__(self, cards: Cards, role: Role) -> None:
        self.role = role
        self._cards = cards
        self._mine: set[str] = set()

    def crowded(self) -> set[str]:
        """The cards, by UUID, that could work if what other fleets of this run have there would leave."""
        return self._cards.crowded(self)

    def judge(self) -> list[Verdict]:
        """Every device as it is now, in the order to take them."""
        return self._cards.judge(self.role, self._mine, self)

    def claim(self, device: Device) -> bool:
        """Whether the device is ours from now on."""
        claimed = self._cards.claim(device, self)
        if claimed and device.uuid is not None:
            self._mine.add(device.uuid)
        return claimed

    def note(self, device: Device, document: str | None, *, working: bool) -> None:
        """Tell others whether a card of ours works now, and for which document."""
        self._cards.note(device, self.role if working else None, document)

    def bench(self, device: Device, reason: str) -> None:
        """Give a card no more work of this role."""
        self._cards.bench(device, self.role, reason)

    def release(self, device: Device) -> None:
        """Learn that the device has no worker of ours any more."""
        self._mine.discard(device.uuid or "")
        self._cards.release(device, self)
