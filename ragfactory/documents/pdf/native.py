"""Takes the tables that MuPDF proposes, and turns down the ones that are no tables."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from ragfactory.documents.pdf.captions import is_caption
from ragfactory.documents.pdf.cells import is_numeric
from ragfactory.documents.pdf.grids import GridRow, fill
from ragfactory.documents.pdf.headers import count_header_rows
from ragfactory.documents.pdf.model import Box, Line, PlacedTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.documents.pdf.mending import Mender
    from ragfactory.documents.pdf.model import Grid

CELL_WORDS = 40  # in the middling cell of a table; more is prose in a frame
TEXT_CELL_WORDS = 10  # the same, where no rules are drawn
CUT_WORDS = 0.02  # of the words may lie across a column edge
NUMBERS = 0.3  # of the cells; without rules, a table with more is left to the geometric pass
FILLED = 0.6  # of the cells, where no rules are drawn

Rows = dict[int, GridRow]


@dataclass(frozen=True, slots=True)
class NativeTables:
    """Makes tables of grids. A grid without drawn rules must hold a table of text; with `numbers_too`, it may be one of numbers."""

    mender: Mender
    numbers_too: bool

    def take(self, lines: Sequence[Line], grids: Sequence[Grid]) -> tuple[list[PlacedTable], list[Line]]:
        """The tables that the grids make of the lines, and the lines that are in none of them."""
        tables: list[PlacedTable] = []
        rest = list(lines)
        for grid in sorted(grids, key=lambda grid: (grid.box.x0 - grid.box.x1) * (grid.box.y1 - grid.box.y0)):
            inside = [line for line in rest if grid.box.holds((line.x0 + line.x1) / 2, line.middle)]
            filled, cut = fill(grid, inside)
            rows = _without_surroundings(grid, filled)
            if self._is_table(grid, rows, cut):
                tables.append(self._table(grid, rows))
                within = set(map(id, inside))
                around = [line for number, row in filled.items() if number not in rows for line in row.lines]
                rest = [line for line in rest if id(line) not in within] + around
        return tables, rest

    def _is_table(self, grid: Grid, rows: Rows, cut: int) -> bool:
        """At least two rows of two cells, no prose in frames, no words cut by an edge, no rows of numbers heaped in one cell."""
        if sum(len(row.cells) >= 2 for row in rows.values()) < 2:
            return False
        cells = [cell for row in rows.values() for cell in row.cells.values()]
        heaps = sum(sum(is_numeric(line.text) for line in cell) >= 2 for cell in cells)
        if (
            heaps * 4 > len(cells)
            or cut > CUT_WORDS * sum(map(_words, cells))
            or median(map(_words, cells)) > CELL_WORDS
        ):
            return False
        return grid.ruled or _is_text_table(rows, cells) or (self.numbers_too and _numbers(cells) >= 4)

    def _table(self, grid: Grid, rows: Rows) -> PlacedTable:
        columns = range(len(grid.xs) - 1)
        texts = [
            [self.mender.join_lines(line.text for line in row.cells.get(column, [])) for column in columns]
            for row in rows.values()
        ]
        heads = count_header_rows(texts, [all(line.bold for line in row.lines) for row in rows.values()])
        if not grid.ruled:
            texts = texts[:heads] + _unwrapped(texts[heads:])
        box = Box(grid.xs[0], grid.ys[min(rows)], grid.xs[-1], grid.ys[max(rows) + 1])
        return PlacedTable(tuple(map(tuple, texts)), heads, box, grid.xs[1:])


def _without_surroundings(grid: Grid, rows: Rows) -> Rows:
    """The rows without those at either end that are a caption or one text across columns: they stand around the table."""
    own = [number for number, row in rows.items() if not is_caption(row.lines[0].text) and not _runs_across(grid, row)]
    return {number: row for number, row in rows.items() if own and own[0] <= number <= own[-1]}


def _runs_across(grid: Grid, row: GridRow) -> bool:
    (column, lines), *others = row.cells.items()
    return not others and any(line.x1 > grid.xs[column + 1] + 1 for line in lines)


def _is_text_table(rows: Rows, cells: list[list[Line]]) -> bool:
    columns = {column for row in rows.values() for column in row.cells}
    return (
        len(columns) >= 3
        and len(rows) >= 3
        and _numbers(cells) <= NUMBERS * len(cells)
        and len(cells) >= FILLED * len(rows) * len(columns)
        and median(map(_words, cells)) <= TEXT_CELL_WORDS
    )


def _unwrapped(rows: list[list[str]]) -> list[list[str]]:
    """Rows without a first cell joined to the row before: a text that runs on, where no rule tells rows apart."""
    whole: list[list[str]] = []
    for row in rows:
        if whole and not row[0] and not any(map(is_numeric, row)):
            whole[-1] = [" ".join(filter(None, pair)) for pair in zip(whole[-1], row, strict=True)]
        else:
            whole.append(row)
    return whole


def _numbers(cells: list[list[Line]]) -> int:
    return sum(is_numeric(" ".join(line.text for line in cell)) for cell in cells)


def _words(cell: list[Line]) -> int:
    return sum(len(line.words) for line in cell)
