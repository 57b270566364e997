"""The strategies by name, each with its default size and overlap and the unit they are counted in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.chunking.strategies import (
    code,
    conversation_turns,
    default,
    page_plus_table_aware,
    semantic_sections,
    table_aware,
    tokens,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragfactory.chunking.measure import Budget, Measure
    from ragfactory.chunking.model import Span
    from ragfactory.documents.model import Document
    from ragfactory.profiles import StrategyName


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to cut documents: `spans` in reading order, and the defaults of their size and overlap in units of `measure`."""

    spans: Callable[[Document, Budget], Iterator[Span]]
    size: int
    overlap: int
    measure: Measure


STRATEGIES: dict[StrategyName, Strategy] = {
    "default": Strategy(default.spans, 1200, 0, "characters"),
    "page_plus_table_aware": Strategy(page_plus_table_aware.spans, 1500, 200, "characters"),
    "semantic_sections": Strategy(semantic_sections.spans, 1200, 150, "characters"),
    "conversation_turns": Strategy(conversation_turns.spans, 1200, 0, "characters"),
    "table_aware": Strategy(table_aware.spans, 1000, 100, "characters"),
    "words": Strategy(words.spans, 500, 20, "words"),
    "tokens": Strategy(tokens.spans, 250, 25, "tokens"),
    "code": Strategy(code.spans, 1500, 100, "tokens"),
}
