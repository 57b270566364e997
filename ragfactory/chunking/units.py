"""Units: the stretches of a document that are kept whole when chunks are packed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.chunking.boundaries import blank_lines, lines, sentences, trim, words
from ragfactory.chunking.tables import body_start, repeated_heads
from ragfactory.documents.model import BlockKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from ragfactory.chunking.boundaries import Pieces
    from ragfactory.chunking.measure import Budget
    from ragfactory.documents.model import Block, Document

_PROSE: tuple[Pieces, ...] = (sentences, lines, words)
_CUTS: dict[BlockKind, tuple[Pieces, ...]] = {
    BlockKind.TABLE: (lines, words),
    BlockKind.LIST: (lines, words),
    BlockKind.CODE: (blank_lines, lines, words),
}


@dataclass(frozen=True, slots=True)
class Unit:
    """A stretch kept whole, `text[start:end]`, without white space at its ends.

    `lines`: its parts are lines, not sentences. `breaks`: a chunk must begin here. `leads`: it belongs with what follows.
    """

    start: int
    end: int
    lines: bool = False
    breaks: bool = False
    leads: bool = False


def block_units(
    document: Document,
    budget: Budget,
    *,
    breaks: Collection[int] = (),
    leads: Collection[int] = (),
    whole: Collection[int] = (),
) -> Iterator[Unit]:
    """The blocks of a document, each one unit where it fits a chunk together with the headings right above it.

    A block that does not fit is cut: prose at sentence ends, lists and tables between lines, code at blank lines, and
    what is still over size at line ends, white space and at last anywhere. The three collections hold indices into
    `document.blocks`: a chunk must begin at `breaks`; `leads` belong with what follows, as headings do; `whole` are
    never cut.
    """
    for i, block in enumerate(document.blocks):
        top = document.blocks[lead_in(document.blocks, i, breaks)].start
        pieces: Iterable[tuple[int, int]]
        if i in whole or budget.fits(top, block.end):
            pieces = [trim(document.text, block.start, block.end)]
        else:
            pieces = _cut(budget, block.start, block.end, _CUTS.get(block.kind, _PROSE), _room(block, budget))
        leads_until = block.end if i in leads else _leads_until(document.blocks, i)
        for n, (start, end) in enumerate(pieces):
            yield Unit(start, end, block.kind in _CUTS, breaks=n == 0 and i in breaks, leads=end <= leads_until)


def word_units(document: Document, budget: Budget) -> Iterator[Unit]:
    """The words of a document. A word that alone is over size is cut."""
    for i, block in enumerate(document.blocks):
        room = _room(block, budget)
        leads_until = _leads_until(document.blocks, i)
        for word in words(document.text, block.start, block.end):
            for start, end in _cut(budget, *word, (), room):
                yield Unit(start, end, leads=end <= leads_until)


def breaks_around_large(document: Document, budget: Budget, kind: BlockKind) -> set[int]:
    """Breaks that give every block of that kind that is over size chunks of its own, with the headings right above it."""
    breaks: set[int] = set()
    for i, block in enumerate(document.blocks):
        if block.kind is kind:
            first = lead_in(document.blocks, i)
            if not budget.fits(document.blocks[first].start, block.end):
                breaks |= {first, i + 1}
    return breaks


def lead_in(blocks: Sequence[Block], i: int, breaks: Collection[int] = ()) -> int:
    """The index of the first of the headings and captions right above block `i`; `i` where there are none, or it is one."""
    if _is_lead_in(blocks, i):
        return i
    while i > 0 and i not in breaks and _is_lead_in(blocks, i - 1):
        i -= 1
    return i


def _is_lead_in(blocks: Sequence[Block], i: int) -> bool:
    kind = blocks[i].kind
    above_table = kind is BlockKind.CAPTION and i + 1 < len(blocks) and blocks[i + 1].kind is BlockKind.TABLE
    return kind is BlockKind.HEADING or above_table


def _leads_until(blocks: Sequence[Block], i: int) -> int:
    """The offset up to which block `i` belongs with what follows: all of a heading, the column heads of a table."""
    block = blocks[i]
    if block.table is not None:
        body = body_start(block, block.table)
        return body if body < block.end else block.start  # column heads over no rows lead in to nothing
    return block.end if _is_lead_in(blocks, i) else block.start


def _room(block: Block, budget: Budget) -> int:
    """What a piece of the block may measure so that it fits a chunk, repeated column heads included."""
    repeated = budget.cost(repeated_heads(block.table, budget)) if block.table is not None else 0
    return budget.size - repeated


def _cut(budget: Budget, start: int, end: int, cuts: tuple[Pieces, ...], room: int) -> Iterator[tuple[int, int]]:
    """The stretch where it fits `room`, else its pieces by the first of `cuts`, those by the next, and so on."""
    start, end = trim(budget.text, start, end)
    if start == end:
        return
    if budget.length(start, end) <= room:
        yield start, end
    elif cuts:
        for piece in cuts[0](budget.text, start, end):
            yield from _cut(budget, *piece, cuts[1:], room)
    else:
        while budget.length(start, end) > room:
            stop = budget.reach(start, room)
            yield start, stop
            start = stop
        yield start, end
