"""Pages with whole tables: a chunk ends where its page does, and a table is kept whole with its heading and caption."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from ragfactory.chunking.packing import pack
from ragfactory.chunking.units import block_units
from ragfactory.documents.model import BlockKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.chunking.measure import Budget
    from ragfactory.chunking.model import Span
    from ragfactory.documents.model import Document

LARGEST_WHOLE_TABLE = 4
"""In chunk sizes: a table over this is cut between rows, as no embedder reads that far."""


def spans(document: Document, budget: Budget) -> Iterator[Span]:
    """A unit is a block, or a sentence or row of one over size; a table of up to four chunk sizes is one unit all the same.

    A break is where a block begins on another page than the block before it ends on.
    """
    breaks = {i for i, (last, block) in enumerate(pairwise(document.blocks), start=1) if last.page_end != block.page}
    largest = LARGEST_WHOLE_TABLE * budget.size
    whole = {
        i
        for i, block in enumerate(document.blocks)
        if block.kind is BlockKind.TABLE and budget.length(block.start, block.end) <= largest
    }
    return pack(document, budget, block_units(document, budget, breaks=breaks, whole=whole))
