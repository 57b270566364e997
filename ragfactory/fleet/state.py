"""What each card is doing: the driver's view put together with the leases and the marks of workers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from ragfactory.fleet.marks import marked_process

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ragfactory.fleet.leases import Holder
    from ragfactory.fleet.model import Box, Card, CardProcess
    from ragfactory.fleet.policy import Policy


class State(StrEnum):
    """What a card is doing for ragfactory."""

    IDLE = "idle"
    WORKING = "working"
    LEASED = "leased"
    RESTING = "resting"
    BENCHED = "benched"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class CardState:
    """A card whose processes say what they do for us, and its state, with a reason in words for any but an idle one."""

    card: Card
    state: State
    reason: str | None = None


def card_states(box: Box, holders: Mapping[str, Holder], policy: Policy, now: float) -> list[CardState]:
    """The state of every card; `now` is in seconds, of the clock that the policy knows."""
    policy.observe(box, now)
    return [_card_state(card, holders.get(card.uuid), policy.rest(card, now)) for card in box.cards]


def _card_state(card: Card, holder: Holder | None, rest: str | None) -> CardState:
    card = replace(card, processes=tuple(_with_work(process, holder) for process in card.processes))
    if card.problem:
        return CardState(card, State.LOST, card.problem)
    if holder and holder.benched:
        return CardState(card, State.BENCHED, f"benched by {holder}: {holder.benched}")
    if holder and holder.work:
        return CardState(card, State.WORKING, f"working for {holder}: {holder.work}")
    if rest:
        return CardState(card, State.RESTING, rest)
    if holder:
        return CardState(card, State.LEASED, f"leased by {holder}")
    return CardState(card, State.IDLE)


def _with_work(process: CardProcess, holder: Holder | None) -> CardProcess:
    """A process of ours, named by what its card does for its run."""
    marked = marked_process(process.pid)
    if marked is None:
        return process
    work = (holder.work or "waiting for work") if holder and holder.run == marked.run else "no lease"
    return replace(process, work=f"{work} (run {marked.run})")
