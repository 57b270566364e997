"""Finds tables that no lines are drawn around: rows by baseline, columns by where numbers stand under each other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from ragfactory.documents.pdf.captions import is_caption
from ragfactory.documents.pdf.cells import Cell, is_marker, is_numeric, is_quantity, split_cells
from ragfactory.documents.pdf.contents import is_contents_entry, is_contents_title
from ragfactory.documents.pdf.headers import count_header_rows
from ragfactory.documents.pdf.model import Box, Line, PlacedTable

if TYPE_CHECKING:
    from collections.abc import Sequence

PITCH = 4.2  # of the type size, from baseline to baseline: more white space ends a table
HEAD_PITCH = 2.4
WRAP_PITCH = 1.5
LONE_ROWS = 3  # rows with a label alone, between two rows of numbers
LABEL_WORDS = 14
TEXT_WORDS = 7  # in a cell that is neither label nor number
HEAD_WORDS = 14
MAX_HEAD_ROWS = 4
ALIGNED = 0.6  # of the type size
SLIVER_GAP = 1.5


@dataclass(frozen=True, slots=True)
class Row:
    """A line and its cells."""

    line: Line
    cells: tuple[Cell, ...]

    @property
    def numbers(self) -> list[Cell]:
        """The cells that are numbers, a number in front excepted when text follows it: that counts the row."""
        first = 1 if len(self.cells) > 1 and not is_numeric(self.cells[1].text) else 0
        return [cell for cell in self.cells[first:] if is_numeric(cell.text)]

    @property
    def is_data(self) -> bool:
        """Whether the row has numbers in place, and beside them no more than short texts."""
        if len(self.cells) < 2 or is_contents_entry(self.line) or not self.numbers:
            return False
        if is_marker(self.cells[0].text) and len(self.cells) == 2 and not is_quantity(self.cells[1].text):
            return False
        texts = [cell for cell in self.cells[1:] if not is_numeric(cell.text)]
        return len(self.cells[0].text.split()) <= LABEL_WORDS and all(len(c.text.split()) <= TEXT_WORDS for c in texts)

    @property
    def is_head(self) -> bool:
        """Whether the numbers are years or dates alone, as over columns."""
        return bool(self.numbers) and not any(is_quantity(cell.text) for cell in self.cells)


def find_tables(rows: Sequence[Line]) -> list[tuple[range, PlacedTable]]:
    """The tables among the rows of one region (top to bottom), each with the rows that it takes up."""
    split = [Row(line, tuple(split_cells(line))) for line in rows]
    found: list[tuple[range, PlacedTable]] = []
    listed = any(is_contents_title(row.text) for row in rows)
    index = 0
    while index < len(split):
        end = index + 1
        if split[index].is_data:
            end = _end_of_run(split, index)
            extent = _extent(split, index, end, free=found[-1][0].stop if found else 0, listed=listed)
            if extent:
                found.append(extent)
                end = extent[0].stop
        index = end
    return found


def _extent(rows: list[Row], start: int, end: int, *, free: int, listed: bool) -> tuple[range, PlacedTable] | None:
    """The table whose data rows are in `rows[start:end]`, with the column heads above it, from row `free` on."""
    data = [row for row in rows[start:end] if row.is_data]
    columns = _columns([row for row in data if not row.is_head] or data)
    if len(columns) < 2:
        return None
    head = _start_of_head(rows, start, free, columns)
    if not _is_table(data, columns, listed=listed) and not _is_one_row(data, rows[head:start]):
        return None
    extent = range(head, _with_wrapped_label(rows, end, columns))
    return extent, _table(rows[extent.start : extent.stop], columns)


def _end_of_run(rows: list[Row], start: int) -> int:
    """The row after the last data row that still belongs to the table begun at `start`."""
    end, size = start + 1, rows[start].line.size
    second = rows[start].cells[1].x0
    for index in range(start + 1, len(rows)):
        row, before = rows[index], rows[index - 1]
        if row.line.baseline - before.line.baseline > PITCH * size or row.line.size > size * 1.15:
            break
        if row.is_data:
            if row.is_head and not rows[end - 1].is_head:
                break
            second = min(second, row.cells[1].x0)
            end = index + 1
        elif index - end >= LONE_ROWS or not _is_label(row, second):
            break
    return end


def _is_label(row: Row, second: float) -> bool:
    """Whether the row can stand between rows of numbers: a group's name, or the first line of a long label."""
    if is_caption(row.line.text):
        return False
    if len(row.cells) > 1:
        return all(len(cell.text.split()) <= TEXT_WORDS for cell in row.cells) and not is_contents_entry(row.line)
    words = row.line.text.split()
    return len(words) <= LABEL_WORDS and (row.line.x1 <= second or not words[-1].endswith("."))


def _columns(rows: list[Row]) -> list[tuple[float, float]]:
    """Left and right edge of each column: cells of different rows that overlap are in one column.

    Rows with most cells come first, so that a cell that spans several columns does not join them.
    """
    columns: list[tuple[float, float]] = []
    for row in sorted(rows, key=lambda row: -len(row.cells)):
        hits = [_overlapping(columns, cell) for cell in row.cells]
        for cell, hit in zip(row.cells, hits, strict=True):
            if not hit:
                columns.append((cell.x0, cell.x1))
            elif len(hit) == 1 and hits.count(hit) == 1:
                x0, x1 = columns[hit[0]]
                columns[hit[0]] = (min(x0, cell.x0), max(x1, cell.x1))
    return _without_slivers(sorted(columns), rows)


def _overlapping(columns: list[tuple[float, float]], cell: Cell) -> list[int]:
    return [i for i, (x0, x1) in enumerate(columns) if min(x1, cell.x1) > max(x0, cell.x0)]


def _without_slivers(columns: list[tuple[float, float]], rows: list[Row]) -> list[tuple[float, float]]:
    """Join neighbours that no row fills both: a dash set beside the numbers of its own column."""
    joined: list[tuple[float, float]] = []
    for column in columns:
        near = joined and column[0] - joined[-1][1] < SLIVER_GAP * rows[0].line.size
        if near and not any(_fills_both(row, joined[-1], column) for row in rows):
            joined[-1] = (joined[-1][0], max(column[1], joined[-1][1]))
        else:
            joined.append(column)
    return joined


def _fills_both(row: Row, left: tuple[float, float], right: tuple[float, float]) -> bool:
    hits = [_overlapping([left, right], cell) for cell in row.cells]
    return [0] in hits and [1] in hits


def _is_table(rows: list[Row], columns: list[tuple[float, float]], *, listed: bool) -> bool:
    """Whether enough numbers stand under each other: two rows of two, or three rows of one with their edges in line."""
    values = [_column_numbers(rows, column) for column in columns]
    values = [cells for cells in values if len(cells) >= 2]
    if not values or _is_contents(rows, values, listed=listed):
        return False
    if len(values) >= 2 and sum(len(row.numbers) >= 2 for row in rows) >= 2:
        return True
    return any(len(cells) >= 3 and _in_line(cells, rows[0].line.size) for cells in values)


def _is_one_row(data: list[Row], head: list[Row]) -> bool:
    """Whether a single row of numbers makes a table, by the heads over three columns of it."""
    return len(data) == 1 and len(data[0].numbers) >= 3 and any(len(row.cells) >= 3 for row in head)


def _column_numbers(rows: list[Row], column: tuple[float, float]) -> list[Cell]:
    return [cell for row in rows for cell in row.numbers if min(column[1], cell.x1) > max(column[0], cell.x0)]


def _in_line(cells: list[Cell], size: float) -> bool:
    edges = ([cell.x1 for cell in cells], [cell.x0 for cell in cells])
    return any(sum(abs(x - median(side)) <= ALIGNED * size for x in side) >= 0.8 * len(side) for side in edges)


def _is_contents(rows: list[Row], values: list[list[Cell]], *, listed: bool) -> bool:
    """A table of contents without dots: one column of whole numbers that never falls; `listed` when its title is in sight."""
    numbers = [cell.text for cell in values[-1]]
    if len(values) > 1 or len(rows) < (2 if listed else 5) or not all(n.isdigit() and len(n) <= 3 for n in numbers):
        return False
    return all(int(a) <= int(b) for a, b in pairwise(numbers))


def _start_of_head(rows: list[Row], start: int, free: int, columns: list[tuple[float, float]]) -> int:
    """The first row of the column heads above the first data row."""
    size, values = rows[start].line.size, columns[1][0]
    first = start
    while first > max(free, start - MAX_HEAD_ROWS):
        row = rows[first - 1]
        too_far = rows[first].line.baseline - row.line.baseline > HEAD_PITCH * size
        wordy = any(len(cell.text.split()) > HEAD_WORDS for cell in row.cells)
        beside_labels = row.cells[0].x0 >= min(columns[0][1], values - 2 * size)
        over_values = row.cells[-1].x1 > values and (len(row.cells) > 1 or beside_labels)
        other = row.line.size > size * 1.15 or is_marker(row.cells[0].text) or is_caption(row.line.text)
        if too_far or wordy or other or not over_values:
            break
        first -= 1
    return first


def _with_wrapped_label(rows: list[Row], end: int, columns: list[tuple[float, float]]) -> int:
    """One row more when the last label runs on to a second line."""
    return end + 1 if end < len(rows) and _continues(rows[end - 1], rows[end], columns[1][0]) else end


def _continues(row: Row, after: Row, second: float) -> bool:
    """Whether `after` is the next line of the label in `row`; `second` is where the second column begins."""
    near = after.line.baseline - row.line.baseline <= WRAP_PITCH * row.line.size
    alone = len(after.cells) == 1 and after.line.x1 <= second
    return near and alone and after.line.text[0].islower() and after.line.x0 >= row.line.x0 - 1


def _table(rows: list[Row], columns: list[tuple[float, float]]) -> PlacedTable:
    texts: list[list[str]] = []
    bold: list[bool] = []
    for index, row in enumerate(rows):
        cells = _in_columns(row, columns)
        if texts and _continues(rows[index - 1], row, columns[1][0]):
            texts[-1][0] = f"{texts[-1][0]} {row.line.text}".strip()
        elif texts and _completes(rows[index - 1], row):
            texts[-1] = [" ".join(filter(None, pair)) for pair in zip(texts[-1], cells, strict=True)]
        else:
            texts.append(cells)
            bold.append(row.line.bold)
    lines = [row.line for row in rows]
    box = Box(min(line.x0 for line in lines), lines[0].top, max(line.x1 for line in lines), lines[-1].bottom)
    return PlacedTable(tuple(map(tuple, texts)), count_header_rows(texts, bold), box, tuple(x1 for _, x1 in columns))


def _completes(row: Row, after: Row) -> bool:
    """Whether `after` holds the numbers to a label whose first line stood alone in `row`."""
    near = after.line.baseline - row.line.baseline <= WRAP_PITCH * row.line.size
    return near and len(row.cells) == 1 and len(after.cells) > 1 and after.cells[0].text[0].islower()


def _in_columns(row: Row, columns: list[tuple[float, float]]) -> list[str]:
    """The texts of the row's cells, each in the column that it overlaps most or stands nearest to.

    A text over several columns is in the first of them.
    """
    texts = [""] * len(columns)
    for cell in row.cells:
        overlaps = [min(x1, cell.x1) - max(x0, cell.x0) for x0, x1 in columns]
        hits = [i for i, overlap in enumerate(overlaps) if overlap > 0]
        column = (
            hits[0]
            if len(hits) > 1 and not is_numeric(cell.text)
            else max(range(len(columns)), key=overlaps.__getitem__)
        )
        texts[column] = f"{texts[column]} {cell.text}".strip()
    return texts
