"""Turns of a conversation: a turn is not cut while it fits, and a question stays with its answer."""

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


def spans(document: Document, budget: Budget) -> Iterator[Span]:
    """A unit is a turn, a question with its answer, or, outside of conversations, a block. There are no breaks."""
    return pack(document, budget, block_units(document, budget, leads=_questions(document)))


def _questions(document: Document) -> set[int]:
    """The turns that end in a question and are followed by someone else's turn."""
    return {
        i
        for i, (turn, answer) in enumerate(pairwise(document.blocks))
        if turn.kind is answer.kind is BlockKind.TURN
        and turn.speaker != answer.speaker
        and document.text_of(turn).endswith("?")
    }
