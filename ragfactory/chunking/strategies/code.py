"""Functions and classes: whole blocks of code; one that is over size is cut at blank lines, then at line ends."""

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
    """A unit is a block, or a stretch between blank lines of code over size. Code over size has its chunks to itself."""
    breaks = breaks_around_large(document, budget, BlockKind.CODE)
    return pack(document, budget, block_units(document, budget, breaks=breaks))
