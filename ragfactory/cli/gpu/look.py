"""The cards at one moment, and the view of them that stays on a screen while something else goes on."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.fleet.driver import open_driver
from ragfactory.fleet.leases import holders, machine_wide
from ragfactory.fleet.state import card_states

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from ragfactory.fleet.driver import Driver
    from ragfactory.fleet.model import Box
    from ragfactory.fleet.policy import Policy
    from ragfactory.fleet.state import CardState

EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Look:
    """The machine at one moment: `task` is what runs of ours do."""

    box: Box
    states: list[CardState]
    task: str | None


def look(driver: Driver, policy: Policy) -> Look:
    """The machine now."""
    box = driver.look()
    held = holders(machine_wide())
    works = dict.fromkeys(f"{holder}: {holder.work}" for holder in held.values() if holder.work)
    return Look(box, card_states(box, held, policy, time.monotonic()), "; ".join(works) or None)


class LiveCards:
    """The table of cards for a display that is drawn again and again; nothing where there is no card.

    Once started, cards are looked at by a thread of its own: a driver that hangs holds up nothing else.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._latest: Look | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="cards", daemon=True)

    def start(self) -> None:
        """Begin to look, if that was not done yet."""
        if not self._thread.is_alive() and not self._over.is_set():
            self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._over.set()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What rich draws."""
        from ragfactory.cli.gpu.table import status_table

        latest = self._latest
        if latest is not None and latest.states:
            yield status_table(latest.box, latest.states, options.max_width)

    def _watch(self) -> None:
        with open_driver() as driver:
            while not self._over.is_set():
                self._latest = look(driver, self._policy)
                self._over.wait(EVERY_S)
