"""Which sections of a document a chunk stands in."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from ragfactory.documents.model import BlockKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.documents.model import Block, Document, Table

Path: TypeAlias = tuple[str, ...]  # of headings, the outermost first


def sections_of(document: Document, blocks: Sequence[Block], start: int, end: int) -> dict[Path, int]:
    """The sections that `Document.text[start:end]` stands in, in reading order, each with its characters there.

    `blocks` are those that it overlaps. Headings do not count, unless there is nothing else: then it is the section of the last.
    """
    sections: Counter[Path] = Counter()
    for block in blocks:
        if block.kind is not BlockKind.HEADING and (inside := _inside(block, start, end)) > 0:
            sections[block.headings] += inside
    return dict(sections) or {(*blocks[-1].headings, document.text_of(blocks[-1])): end - start}


def main_section(sections: dict[Path, int]) -> Path:
    """The deepest section that holds more than half of the text, subsections included; where there is none, that of the most."""
    half = sum(sections.values()) / 2
    held: Counter[Path] = Counter()
    for path, count in sections.items():
        for depth in range(1, len(path) + 1):
            held[path[:depth]] += count
    return max(
        (path for path, count in held.items() if count > half), key=len, default=max(sections, key=sections.__getitem__)
    )


def main_table(blocks: Sequence[Block], section: Path, start: int, end: int) -> Table | None:
    """The table with the most of its text in the stretch, of those in the section where it has one."""
    tables = [block for block in blocks if block.table is not None]
    within = [block for block in tables if block.headings[: len(section)] == section]
    largest = max(within or tables, key=lambda block: _inside(block, start, end), default=None)
    return largest.table if largest else None


def _inside(block: Block, start: int, end: int) -> int:
    return min(block.end, end) - max(block.start, start)
