"""Packing: units become spans, each as full as its size allows, with the overlap and the repeated column heads counted in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ragfactory.chunking.boundaries import lines, sentences, words
from ragfactory.chunking.model import Span
from ragfactory.chunking.tables import TableHeads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ragfactory.chunking.boundaries import Pieces
    from ragfactory.chunking.measure import Budget
    from ragfactory.chunking.units import Unit
    from ragfactory.documents.model import Document


def pack(document: Document, budget: Budget, units: Iterable[Unit]) -> Iterator[Span]:
    """Fill spans with units, in order: a unit that does not fit, or that breaks, begins the next.

    A span goes back into the one before it for its overlap, except at a break. One that begins in a table's rows repeats
    the column heads. A span is over size only where it is one unit that is, with what leads in to it.
    """
    heads = TableHeads(document, budget)
    packed = _with_lead_ins(units, budget)
    first = next(packed, None)
    if first is None:
        return
    held, start, prefix = [first], first.start, heads.before(first.start)
    for unit in packed:
        if unit.breaks or not budget.fits(start, unit.end, prefix[1]):
            yield Span(start, held[-1].end, prefix[0])
            start = unit.start if unit.breaks else _restart(budget, heads, held, unit)
            prefix = heads.before(start)
            held = [earlier for earlier in held if earlier.start >= start]
        held.append(unit)
    yield Span(start, held[-1].end, prefix[0])


def _with_lead_ins(units: Iterable[Unit], budget: Budget) -> Iterator[Unit]:
    """The units, each made one with those right before it that lead in to it, as far as they fit or it is over size anyway."""
    leads: list[Unit] = []
    for unit in units:
        if unit.breaks:
            yield from leads
            leads.clear()
        if unit.leads:
            leads.append(unit)
            continue
        whole = unit
        while leads and (budget.fits(leads[-1].start, unit.end) or not budget.fits(unit.start, unit.end)):
            lead = leads.pop()
            whole = replace(whole, start=lead.start, breaks=lead.breaks)
        yield from leads
        leads.clear()
        yield whole
    yield from leads


def _restart(budget: Budget, heads: TableHeads, held: Sequence[Unit], unit: Unit) -> int:
    """Where the span that must hold `unit` begins: as far back in the one before it as overlap and size allow."""
    floor = budget.overlap_floor(held[-1].end)
    for offset in _restarts(budget.text, held, floor) if budget.overlap else ():
        if budget.fits(offset, unit.end, heads.before(offset)[1]):
            return offset
    return unit.start


def _restarts(text: str, held: Sequence[Unit], floor: int) -> Iterator[int]:
    """The offsets from `floor` on where an overlap may begin: units first, then parts of the last one, the largest first."""
    yield from (unit.start for unit in held if unit.start >= floor)
    last = held[-1]
    cuts: tuple[Pieces, ...] = (lines,) if last.lines else (sentences, words)
    for cut in cuts:
        yield from (start for start, _ in cut(text, last.start, last.end) if start >= floor)
