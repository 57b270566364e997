"""Rows: a table is never mixed with text when it takes more than one chunk, and is cut between its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.chunking.packing import pack
from ragfactory.chunking.units import block_units, breaks_around_large
from ragfactory.documents.model import BlockKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.chunking.measure import Budget
    from ragfactory.chunking.model import Span
    from ragfactory.documents.model import Document


def spans(document: Document, budget: Budget) -> Iterator[Span]:
    """A unit is a block, a row of a table over size, or a sentence of another block over size.

    A table over size breaks before its heading or caption and after its last row.
    """
    breaks = breaks_around_large(document, budget, BlockKind.TABLE)
    return pack(document, budget, block_units(document, budget, breaks=breaks))
