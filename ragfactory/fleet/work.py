"""Work as the fleet cuts it: items with a weight in tokens, batches of similar items, and what is still to be given out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ragfactory.fleet.model import CPU

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_SMALLEST = 16  # a batch is not made smaller than this part of a full one, so that answers are not all that travels


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of work: a key of its own, its weight in tokens, and the bytes that a worker is to answer with bytes.

    `document` is what it is a part of, for people who ask what a card does. Items of one `group` follow each other; `once` is what
    is read, in tokens, once for all of them.
    """

    key: str
    weight: int
    payload: bytes
    document: str | None = None
    group: str = ""
    once: int = 0


@dataclass(frozen=True, slots=True)
class ItemError:
    """Why an item has no answer, in words for people."""

    key: str
    message: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Items that a device gets together.

    `failed_on` names the devices where it ended a worker or made it fail, once for each time. `suspect` says that this was hardly
    by chance: it is part of a batch that did so twice, or it raised an error. `cramped_on` names the devices whose memory was too
    small for its one item.
    """

    items: tuple[Item, ...]
    suspect: bool = False
    failed_on: tuple[str, ...] = ()
    cramped_on: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """What a model reads for it, padding not counted."""
        return sum(item.weight for item in self.items)

    @property
    def read(self) -> int:
        """What a worker reads that has read nothing of it before."""
        return self.tokens + sum({item.group: item.once for item in self.items}.values())

    @property
    def padded(self) -> int:
        """What goes through a model for it, when every item is filled up to the longest."""
        return len(self.items) * max(item.weight for item in self.items)

    @property
    def is_lone(self) -> bool:
        """Whether it has only one item."""
        return len(self.items) == 1

    def without(self, keys: Collection[str]) -> Batch | None:
        """The batch without some of its items; None when nothing is left."""
        items = tuple(item for item in self.items if item.key not in keys)
        return replace(self, items=items) if items else None

    def halves(self, *, suspect: bool) -> tuple[Batch, Batch]:
        """Two batches of half of the items each."""
        middle = len(self.items) // 2
        return Batch(self.items[:middle], suspect), Batch(self.items[middle:], suspect)

    def is_for(self, device: str, devices: Collection[str]) -> bool:
        """Whether one of the devices that work now should get it: one where nothing went wrong with it, if there is any.

        One item in doubt that has no such device waits for the CPU, and goes anywhere once that failed too.
        """
        untried = self._untried(devices)
        return device in untried if untried else not self._waits_for_cpu

    def is_stranded(self, devices: Collection[str]) -> bool:
        """Whether only the CPU is left for it, whichever of the devices that work now gets it. With none of them it can wait."""
        return bool(devices) and self._waits_for_cpu and not self._untried(devices)

    @property
    def _waits_for_cpu(self) -> bool:
        """One failure may be an accident; of one item that failed for good, the CPU is to tell whether the cards are to blame."""
        in_doubt = self.suspect or len(self.failed_on) > 1 or bool(self.cramped_on)
        return self.is_lone and in_doubt and CPU not in self.failed_on

    def _untried(self, devices: Collection[str]) -> list[str]:
        """One item that did not fit on two cards is not tried on a third."""
        if len(self.cramped_on) > 1:
            return []
        return [name for name in devices if name not in self.failed_on and name not in self.cramped_on]


def after_failure(batch: Batch, device: str, *, deadly: bool) -> tuple[Batch, ...]:
    """What is to be done again when a batch ended its worker (`deadly`) or made it fail; nothing once its one item is to blame.

    A batch that ends two workers is halved until the item is found that does it. One item gets another chance, on another device if
    there is one, and one more if it was never part of such a batch: workers can be killed from outside.
    """
    failed_on = (*batch.failed_on, device)
    chances = 2 + batch.is_lone - (batch.suspect or not deadly)
    if len(failed_on) < chances:
        return (replace(batch, failed_on=failed_on, suspect=batch.suspect or not deadly),)
    return () if batch.is_lone else batch.halves(suspect=True)


def after_out_of_memory(batch: Batch, device: str) -> tuple[Batch, ...]:
    """What is to be done again when a batch does not fit on a device: its halves, there; one item elsewhere, at last on the CPU."""
    if not batch.is_lone:
        return batch.halves(suspect=batch.suspect)
    if device == CPU or device in batch.cramped_on:
        return ()
    return (replace(batch, cramped_on=(*batch.cramped_on, device)),)


class Backlog:
    """Work that no device has: items not given out yet, and batches that came back."""

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._groups: dict[str, list[Item]] = {}
        self._remaining = 0
        self._last_group: dict[str, str] = {}
        self._returned: list[Batch] = []
        self.add(items)

    def add(self, items: Iterable[Item]) -> None:
        """Take more items in."""
        grown = set()
        for item in items:
            self._groups.setdefault(item.group, []).append(item)
            self._remaining += item.weight
            grown.add(item.group)
        for group in grown:
            self._groups[group].sort(key=lambda item: item.weight)

    def give_back(self, batch: Batch) -> None:
        """Take a batch in again. It goes out next."""
        self._returned.append(batch)

    def take(self, device: str, devices: Collection[str], *, share: float, limit: int) -> Batch | None:
        """The next batch for one of the devices that work now; None when there is none for it.

        Returned batches come first. Then the longest items of the group that the device had last, else of the first that no other
        has, else of the largest, and of further groups that no other has: half of the device's `share` in all that is left, at most
        `limit` tokens with padding. Batches shrink towards the end and the shortest items come last, so that all devices finish
        together (guided self-scheduling, https://doi.org/10.1109/TC.1987.5009495).
        """
        for batch in reversed(self._returned):
            if batch.is_for(device, devices):
                self._returned.remove(batch)
                return batch
        return self._cut(device, max(min(limit, int(self._remaining * share / 2)), limit // _SMALLEST))

    def take_stranded(self, devices: Collection[str]) -> Batch | None:
        """A batch that only the CPU is left for, if there is one."""
        batch = next((batch for batch in self._returned if batch.is_stranded(devices)), None)
        if batch is not None:
            self._returned.remove(batch)
        return batch

    def _cut(self, device: str, budget: int) -> Batch | None:
        items: list[Item] = []
        longest = 1
        while (group := self._group_for(device, helps=not items)) is not None:
            waiting = self._groups[group]
            longest = max(longest, waiting[-1].weight)
            budget -= waiting[-1].once if items else 0
            count = min(len(waiting), budget // longest - len(items))
            if count < 1 and items:
                break
            first = len(waiting) - max(1, count)
            items += waiting[first:]
            del waiting[first:]
            self._last_group[device] = group
            if waiting:
                break
            del self._groups[group]
        self._remaining -= sum(item.weight for item in items)
        return Batch(tuple(items)) if items else None

    def _group_for(self, device: str, *, helps: bool) -> str | None:
        """The group that a device goes on with: its own, one that no other has, or, where it `helps`, the largest of the others."""
        last = self._last_group.get(device)
        if last in self._groups:
            return last
        taken = {group for other, group in self._last_group.items() if other != device}
        free = next((group for group in self._groups if group not in taken), None)
        return free if free is not None or not helps else max(self._groups, key=self._size, default=None)

    def _size(self, group: str) -> int:
        return len(self._groups[group])
