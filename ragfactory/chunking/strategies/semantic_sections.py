"""Sections: a section that fits is one chunk, its subsections included; one that does not is cut at its subsections first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.chunking.packing import pack
from ragfactory.chunking.units import block_units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.chunking.measure import Budget
    from ragfactory.chunking.model import Span
    from ragfactory.documents.model import Document

_TINY = 4
"""Text of up to size / 4 is joined with the section that follows it under the same parent, where both fit."""


def spans(document: Document, budget: Budget) -> Iterator[Span]:
    """A unit is a block, or a sentence of a block over size. A break is a heading that `_breaks` finds."""
    return pack(document, budget, block_units(document, budget, breaks=set(_breaks(document, budget))))


def _breaks(document: Document, budget: Budget) -> Iterator[int]:
    """The headings that begin a new group of chunks.

    A heading does not where the group has no text yet, where it lies in a section that is taken whole, or where the
    group is tiny, the heading is no higher than the group's own, and its section fits with it.
    """
    ends = _section_ends(document)
    start = 0
    level = next((block.level or 0 for block in document.blocks), 0)
    has_text = False
    taken = len(document.text) if budget.fits(0, len(document.text)) else 0
    for i, block in enumerate(document.blocks):
        if block.level is None:
            has_text = True
            continue
        if block.start < taken:
            continue
        tiny = budget.length(start, block.start) <= budget.size // _TINY
        fits = budget.fits(start, ends[i])
        if not has_text:
            level = min(level, block.level)
        elif not (tiny and fits and block.level >= level):
            yield i
            start, level, has_text = block.start, block.level, False
            fits = budget.fits(start, ends[i])
        if fits:
            taken = ends[i]


def _section_ends(document: Document) -> dict[int, int]:
    """For each heading, by its block's index, the offset where its section ends, subsections included."""
    ends: dict[int, int] = {}
    above: list[tuple[int, int]] = []
    for i, block in enumerate(document.blocks):
        if block.level is not None:
            while above and above[-1][1] >= block.level:
                ends[above.pop()[0]] = document.blocks[i - 1].end
            above.append((i, block.level))
    return ends | {i: len(document.text) for i, _ in above}
