"""Puts the page's words into the cells of a grid that MuPDF proposes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.documents.pdf.model import Grid, Line, Word
from ragfactory.documents.pdf.rows import merge_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class GridRow:
    """What stands in one row: the lines of each filled cell by column, top to bottom, and the same as lines across."""

    cells: dict[int, list[Line]]
    lines: list[Line]


def fill(grid: Grid, lines: Sequence[Line]) -> tuple[dict[int, GridRow], int]:
    """The grid's rows that hold anything, by number, and how many words lie across the edge of a cell.

    A word goes by its middle; what stands in a cell that spans several places goes to the first of them.
    """
    anchors = dict(_anchors(grid))
    rows: dict[int, GridRow] = {}
    cut = 0
    for line in lines:
        parts: dict[int, dict[int, list[Word]]] = {}
        for word in line.words:
            position = (grid.row_of(line.middle), grid.column_of((word.x0 + word.x1) / 2))
            row, column = anchors.get(position, position)
            parts.setdefault(row, {}).setdefault(column, []).append(word)
            cut += _is_cut(word, position, grid, anchors)
        for row, cells in parts.items():
            found = rows.setdefault(row, GridRow({}, []))
            found.lines.append(Line.of(tuple(word for words in cells.values() for word in words), line.baseline))
            for column, words in cells.items():
                found.cells.setdefault(column, []).append(Line.of(tuple(words), line.baseline))
    return {number: _in_order(row) for number, row in sorted(rows.items(), key=lambda item: item[0])}, cut


def _in_order(row: GridRow) -> GridRow:
    return GridRow(
        {column: merge_rows(lines) for column, lines in sorted(row.cells.items(), key=lambda item: item[0])}, row.lines
    )


def _is_cut(word: Word, position: Position, grid: Grid, anchors: dict[Position, Position]) -> bool:
    row, column = position
    slack = 0.2 * (word.x1 - word.x0) + 1
    own = anchors.get(position, position)
    over_left = column > 0 and word.x0 < grid.xs[column] - slack
    over_right = column + 2 < len(grid.xs) and word.x1 > grid.xs[column + 1] + slack
    return (over_left and anchors.get((row, column - 1)) != own) or (
        over_right and anchors.get((row, column + 1)) != own
    )


def _anchors(grid: Grid) -> Iterator[tuple[Position, Position]]:
    """For each place in the grid the first place of the cell it is in."""
    for cell in grid.cells:
        rows = range(grid.row_of(cell.y0 + 1), grid.row_of(cell.y1 - 1) + 1)
        columns = range(grid.column_of(cell.x0 + 1), grid.column_of(cell.x1 - 1) + 1)
        for row in rows:
            for column in columns:
                yield (row, column), (rows.start, columns.start)
