"""Cuts a region's rows into pieces: paragraphs, list items, contents entries and tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import TYPE_CHECKING

from ragfactory.documents.pdf.cells import is_marker
from ragfactory.documents.pdf.contents import is_contents_entry, sets_off_page_number
from ragfactory.documents.pdf.geometry import find_tables
from ragfactory.documents.pdf.mending import Mender, ends_sentence
from ragfactory.documents.pdf.model import Line, PlacedTable
from ragfactory.documents.pdf.rows import merge_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LEADING = 1.25  # of the usual distance between baselines: more is a new paragraph
SAME_SIZE = 0.8  # points
INDENT = 0.8  # of the type size
SHORT = 0.85  # of the measure: a line this short that ends a sentence ends a paragraph
VERY_SHORT = 0.6  # of the measure: a line this short ends a paragraph when the next begins with a capital


class PieceKind(Enum):
    """What a piece is as far as its form tells."""

    TEXT = auto()
    ITEM = auto()
    CONTENTS = auto()
    TABLE = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """A paragraph, a list item or a table, from page `page` to `page_end`; `lines` are its rows, where it is upright text."""

    kind: PieceKind
    page: int
    page_end: int
    text: str = ""
    lines: tuple[Line, ...] = ()
    table: PlacedTable | None = None

    @property
    def size(self) -> float:
        """The type size of its first line."""
        return self.lines[0].size

    @property
    def bold(self) -> bool:
        """Whether all of it is bold."""
        return all(line.bold for line in self.lines)


@dataclass(frozen=True, slots=True)
class Cutter:
    """Cuts regions into pieces; `geometric` also looks for tables without rules."""

    mender: Mender
    geometric: bool

    def cut(self, items: Sequence[Line | PlacedTable], page: int) -> Iterator[Piece]:
        """The pieces of one region, top to bottom."""
        pending: list[Line] = []
        for item in items:
            if isinstance(item, Line):
                pending.append(item)
                continue
            yield from self._cut_rows(merge_rows(pending), page)
            pending = []
            yield Piece(PieceKind.TABLE, page, page, table=item)
        yield from self._cut_rows(merge_rows(pending), page)

    def _cut_rows(self, rows: list[Line], page: int) -> Iterator[Piece]:
        done = 0
        for extent, table in find_tables(rows) if self.geometric else []:
            yield from self._paragraphs(rows[done : extent.start], page)
            yield Piece(PieceKind.TABLE, page, page, table=table)
            done = extent.stop
        yield from self._paragraphs(rows[done:], page)

    def _paragraphs(self, rows: list[Line], page: int) -> Iterator[Piece]:
        if not rows:
            return
        measure = _Measure.of(rows)
        group = [rows[0]]
        for before, row in pairwise(rows):
            if measure.parts(group[0], before, row):
                yield self._piece(group, page)
                group = []
            group.append(row)
        yield self._piece(group, page)

    def _piece(self, group: list[Line], page: int) -> Piece:
        kind = PieceKind.TEXT
        if _is_entry(group[0]):
            kind = PieceKind.CONTENTS
        elif _opens_item(group[0]):
            kind = PieceKind.ITEM
        return Piece(kind, page, page, self.mender.join_lines(line.text for line in group), tuple(group))


def _is_entry(line: Line) -> bool:
    return is_contents_entry(line) or sets_off_page_number(line)


def _opens_item(line: Line) -> bool:
    return len(line.words) > 1 and is_marker(line.words[0].text)


@dataclass(frozen=True, slots=True)
class _Measure:
    """A region's left and right edge, its usual type size and its usual distance between baselines, in points."""

    left: float
    right: float
    size: float
    leading: float

    @classmethod
    def of(cls, rows: list[Line]) -> _Measure:
        pitches = Counter(
            round((b.baseline - a.baseline) * 2) / 2 for a, b in pairwise(rows) if abs(a.size - b.size) <= SAME_SIZE
        )
        usable = [(count, -pitch) for pitch, count in pitches.items() if pitch <= 2.2 * rows[0].size]
        leading = -max(usable)[1] if usable else 1.3 * rows[0].size
        size = Counter(row.size for row in rows).most_common(1)[0][0]
        return cls(min(row.x0 for row in rows), max(row.x1 for row in rows), size, leading)

    def parts(self, first: Line, before: Line, row: Line) -> bool:
        """Whether `row` begins a new piece; `first` opened the current one and `before` is its last row."""
        if _opens_item(row) or _is_entry(row) or _is_entry(before):
            return True
        runs_on = row.bold and before.words[-1].bold
        if abs(row.size - before.size) > SAME_SIZE or (row.bold != before.bold and not runs_on):
            return True
        solid = (1.35 if row.size > 1.15 * self.size else 1.15) * row.size
        if row.baseline - before.baseline > LEADING * max(self.leading, solid):
            return True
        if _opens_item(first) and row.x0 > first.x0 + 1:
            return False
        reach = (before.x1 - self.left) / max(self.right - self.left, 1)
        if ends_sentence(before.text):
            return reach < SHORT or row.x0 > before.x0 + INDENT * row.size
        return reach < VERY_SHORT and row.text[0].isupper()
