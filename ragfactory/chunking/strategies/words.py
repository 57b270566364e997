"""Words: a window that slides over the text word by word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.chunking.packing import pack
from ragfactory.chunking.units import word_units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.chunking.measure import Budget
    from ragfactory.chunking.model import Span
    from ragfactory.documents.model import Document


def spans(document: Document, budget: Budget) -> Iterator[Span]:
    """A unit is a word, or a piece of one that alone is over size in tokens. There are no breaks."""
    return pack(document, budget, word_units(document, budget))
