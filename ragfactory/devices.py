"""The devices of a run, or of a search: what it may use of them, and which of its fleets has them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from ragfactory import events
from ragfactory.fleet.alone import Alone
from ragfactory.fleet.cards import Cards
from ragfactory.fleet.driver import open_driver
from ragfactory.fleet.leases import machine_wide
from ragfactory.fleet.policy import Policy
from ragfactory.fleet.process import Job, Patience
from ragfactory.fleet.scheduler import BATCH_TOKENS, Fleet
from ragfactory.store.durable import make_private_dirs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ragfactory.config import Config
    from ragfactory.events import Listener
    from ragfactory.fleet.cards import Share
    from ragfactory.fleet.model import Role, Verdict


_LOADED_MB_S = 100.0  # megabytes of a model, from a slow disk


class RunDevices:
    """The cards that `config.fleet` lets work, claimed as they are needed, and the fleets that work on them.

    It is used by one thread. What becomes of devices and their work is told to `emit`.
    """

    def __init__(self, config: Config, run_id: str, emit: Listener) -> None:
        """Raises UsageError when `fleet.devices` cannot be read, DeviceUnavailableError when a card of it is not there."""
        self._config = config
        self._run_id = run_id
        self._emit = emit
        self._shares: dict[Fleet, Share] = {}
        policy = Policy(config.fleet)
        with ExitStack() as stack:
            driver = stack.enter_context(open_driver())
            if policy.devices.cards or config.fleet.prefer:
                box = driver.look()
                policy.devices.require(box)
                if absent := policy.absent_preferences(box):
                    emit(events.Notice(absent))
            self._cards = stack.enter_context(Cards(driver, policy, run_id, machine_wide()))
            self._stack = stack.pop_all()

    def judge(self, role: Role) -> tuple[list[Verdict], Verdict]:
        """What is said of the cards now, and of the CPU."""
        *cards, cpu = self._cards.judge(role)
        return cards, cpu

    def need(self, role: Role, free_mb: int) -> None:
        """Have a card be judged for a role by the memory that its model takes, in MiB."""
        self._cards.need(role, free_mb)

    def coolest(self, role: Role) -> Verdict | None:
        """The card to take first for a role, if one may work this moment."""
        cards, _ = self.judge(role)
        return next((verdict for verdict in cards if verdict.eligible), None)

    def fleet(
        self,
        role: Role,
        target: str,
        setup: Mapping[str, object],
        *,
        batch_tokens: int = BATCH_TOKENS,
        alone: bool = False,
        model_mb: float = 0.0,
        tells: bool = False,
    ) -> Fleet:
        """A fleet whose workers serve `target`, as `ragfactory.fleet.process.Job` has it. It is closed with this object.

        With `alone`, somebody waits for the answer: one card works, the coolest that may, and the CPU at once where there is none
        or that one fails. It is waited for less long, though for the model's file, of `model_mb` megabytes, to be read.
        """
        settings = self._config.fleet
        make_private_dirs(self._config.logs)
        _, _, idle_s = settings.unload.partition(":")
        job = Job(
            target,
            dict(setup),
            self._run_id,
            self._config.logs / "workers.log",
            role=role,
            idle_s=float(idle_s) if idle_s else None,
            tells=tells,
        )
        share = self._cards.share(role)
        one = Alone(share) if alone else None

        def emit(event: events.Event) -> None:
            if one is not None and isinstance(event, events.WorkerLost):
                one.lose()
            self._emit(event)

        fleet = Fleet(
            job,
            one or share,
            emit,
            batch_tokens=batch_tokens,
            check_s=settings.check_s,
            cool_down_s=0.0 if alone else settings.cool_down_s,
            patience=Patience(start_s=60.0 + model_mb / _LOADED_MB_S, batch_s=15.0) if alone else None,
        )
        self._shares[fleet] = share
        self._stack.callback(fleet.close)
        return fleet

    def is_crowded_out(self, fleet: Fleet) -> bool:
        """Whether other fleets have work to do on cards that could work for this one without them, now or once they may."""
        busy = [other for other in self._others(fleet) if other.is_busy]
        waiting = any(not other.is_loaded for other in busy)
        return waiting or (bool(busy) and bool(self._shares[fleet].crowded()))

    def make_room(self, fleet: Fleet) -> None:
        """Have fleets that rest leave cards that could work for this one then. Where the memory is enough for both, they stay."""
        resting = [other for other in self._others(fleet) if other.is_loaded and not other.is_busy]
        if resting and (crowded := self._shares[fleet].crowded()):
            for other in resting:
                other.unload(crowded)

    def _others(self, fleet: Fleet) -> list[Fleet]:
        return [other for other in self._shares if other is not fleet]

    def rest(self, fleet: Fleet) -> None:
        """Learn that a fleet has no work for now: unless the configuration has them stay, its models leave the cards."""
        if self._config.fleet.unload == "immediate":
            fleet.unload()

    def close(self) -> None:
        """End all workers and give up all cards."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
