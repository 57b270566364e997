"""The machine's devices as one run has them: what the driver sees, what the policy says of it, and the leases taken."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, Self

from ragfactory.fleet.leases import Lease, holders
from ragfactory.fleet.marks import marked_process

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.fleet.model import Box, Card, Device, Role, Verdict
    from ragfactory.fleet.policy import Policy


class Looks(Protocol):
    """Something that sees the cards, such as `ragfactory.fleet.driver.Driver`."""

    def look(self) -> Box: ...


class Cards:
    """Says which devices may work, and claims cards for a run. Leases are in `directory`; `close` gives them up."""

    def __init__(self, driver: Looks, policy: Policy, run_id: str, directory: Path) -> None:
        self._driver = driver
        self._policy = policy
        self._run_id = run_id
        self._directory = directory
        self._leases: dict[str, Lease] = {}
        self._roles: dict[str, set[Role]] = {}
        self._needs: dict[Role, int] = {}

    def need(self, role: Role, free_mb: int) -> None:
        """Judge by the memory, in MiB, that a role's model is known to take."""
        self._needs[role] = free_mb

    def judge(self, role: Role) -> list[Verdict]:
        """Every device as it is now, in the order to take them."""
        box = self._driver.look()
        verdicts = self._policy.judge(
            box,
            role,
            time.monotonic(),
            holders(self._directory),
            self._leases,
            needed_mb=self._needs.get(role),
            own_used_mb={card.uuid: self._own_used_mb(card, role) for card in box.cards},
        )
        lost = {card.uuid for card in box.cards if card.problem}
        return [replace(verdict, lost=verdict.device.uuid in lost) for verdict in verdicts]

    def claim(self, device: Device, role: Role) -> bool:
        """Whether this run has the device from now on; the CPU is everybody's."""
        if device.uuid is None:
            return True
        if device.uuid not in self._leases:
            lease = Lease.take(self._directory, device, self._run_id)
            if lease is None:
                return False
            lease.note(role)
            self._leases[device.uuid] = lease
        self._roles.setdefault(device.uuid, set()).add(role)
        return True

    def note(self, device: Device, role: Role | None, document: str | None) -> None:
        """Tell others what a card of ours does now, and for which document; no role when it waits for work."""
        if device.uuid is not None and (lease := self._leases.get(device.uuid)):
            lease.note(role, document)

    def bench(self, device: Device, reason: str) -> None:
        """Give a card no more work in this run, and tell others why."""
        if device.uuid is not None:
            self._policy.bench(device.uuid, reason)
            if lease := self._leases.get(device.uuid):
                lease.note(None, benched=reason)

    def release(self, device: Device, role: Role) -> None:
        """Give a card up to other runs, once no role has a worker there."""
        if device.uuid is None:
            return
        roles = self._roles.get(device.uuid, set())
        roles.discard(role)
        if not roles and (lease := self._leases.pop(device.uuid, None)):
            lease.release()

    def close(self) -> None:
        """Give all cards up."""
        while self._leases:
            self._leases.popitem()[1].release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _own_used_mb(self, card: Card, role: Role) -> int:
        """Memory of a card that our own worker of a role holds, as far as the driver tells."""
        return sum(process.used_mb or 0 for process in card.processes if self._is_ours(process.pid, role))

    def _is_ours(self, pid: int, role: Role) -> bool:
        marked = marked_process(pid)
        return marked is not None and (marked.run, marked.parent, marked.role) == (self._run_id, os.getpid(), role)
