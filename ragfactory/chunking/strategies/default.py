"""Paragraphs: whole blocks; one that is over size is cut at sentence ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.chunking.packing import pack
from ragfactory.chunking.units import block_units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.chunking.measure import Budget
    from ragfactory.chunking.model import Span
    from ragfactory.documents.model import Document


def spans(document: Document, budget: Budget) -> Iterator[Span]:
    """A unit is a block, or a sentence of a block over size. There are no breaks."""
    return pack(document, budget, block_units(document, budget))
