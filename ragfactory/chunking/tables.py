"""What a chunk that begins inside a table repeats: the table's caption and column heads."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragfactory.chunking.measure import Budget
    from ragfactory.documents.model import Block, Document, Table


def body_start(block: Block, table: Table) -> int:
    """The offset where the rows under the column heads begin."""
    return block.start + sum(len(line) + 1 for line in table.lines[: table.header_rows])


def repeated_heads(table: Table, budget: Budget) -> str:
    """The caption and column heads, a line each; without the caption, then nothing, where that takes over half of a chunk."""
    heads = "".join(line + "\n" for line in table.lines[: table.header_rows])
    caption = f"{table.caption}\n" if table.caption else ""
    return next((text for text in (caption + heads, heads) if budget.cost(text) <= budget.size // 2), "")


class TableHeads:
    """The tables of a document, to look up what a chunk that begins at some offset repeats."""

    def __init__(self, document: Document, budget: Budget) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._prefixes: list[tuple[str, int]] = []
        for block in document.blocks:
            if block.table is not None:
                # Where there are no column heads, the table's own start is no continuation yet.
                self._starts.append(max(body_start(block, block.table), block.start + 1))
                self._ends.append(block.end)
                prefix = repeated_heads(block.table, budget)
                self._prefixes.append((prefix, budget.cost(prefix)))

    def before(self, offset: int) -> tuple[str, int]:
        """The prefix of a chunk that begins at `offset` and its length; empty and 0 outside of a table's rows."""
        i = bisect_right(self._starts, offset) - 1
        return self._prefixes[i] if i >= 0 and offset < self._ends[i] else ("", 0)
