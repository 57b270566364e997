"""Joins what a page or column break cut in two: a paragraph, a list item, a table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ragfactory.documents.pdf.mending import goes_on
from ragfactory.documents.pdf.pieces import Piece, PieceKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragfactory.documents.pdf.headings import Body
    from ragfactory.documents.pdf.mending import Mender
    from ragfactory.documents.pdf.model import PlacedTable

SAME_EDGE = 12.0  # points
FOOTNOTE = 0.92  # of the body's size: smaller type at the foot of a page does not end its last paragraph
SAME_SIZE = 0.8  # points


def join_regions(regions: Iterable[list[Piece]], body: Body, mender: Mender) -> list[Piece]:
    """All pieces in reading order, those that evidently go on in the next region made one."""
    pieces: list[Piece] = []
    for region in regions:
        rest = region
        if pieces and region:
            rest = region[1:] if _join(pieces, region[0], body, mender) else region
        pieces += rest
    return pieces


def _join(pieces: list[Piece], after: Piece, body: Body, mender: Mender) -> bool:
    """Put `after` on to the last piece that it can continue, and say whether that was done."""
    last = len(pieces) - 1
    if after.table:
        joined = _join_tables(pieces[last], after)
        if joined:
            pieces[last] = joined
        return joined is not None
    if after.kind is not PieceKind.TEXT or not after.lines or body.is_heading(after):
        return False
    while (
        last and pieces[last].lines and pieces[last].size < FOOTNOTE * body.size and after.size >= FOOTNOTE * body.size
    ):
        last -= 1
    before = pieces[last]
    same_type = bool(before.lines) and abs(before.lines[-1].size - after.size) <= SAME_SIZE
    if same_type and not body.is_heading(before) and goes_on(before.text, after.text):
        text = mender.join_lines([before.text, after.text])
        pieces[last] = replace(before, text=text, lines=before.lines + after.lines, page_end=after.page_end)
        return True
    return False


def _join_tables(before: Piece, after: Piece) -> Piece | None:
    if not before.table or not after.table or after.page != before.page_end + 1:
        return None
    rows = _continuation(before.table, after.table)
    if rows is None:
        return None
    table = replace(before.table, rows=before.table.rows + rows, edges=after.table.edges)
    return replace(before, table=table, page_end=after.page_end)


def _continuation(table: PlacedTable, after: PlacedTable) -> tuple[tuple[str, ...], ...] | None:
    """The rows of `after` without its repeated head, or None when its columns or its head are not those of `table`."""
    if len(table.edges) != len(after.edges):
        return None
    if any(abs(a - b) > SAME_EDGE for a, b in zip(table.edges[1:], after.edges[1:], strict=True)):
        return None
    head = after.rows[: after.header_rows]
    if head and head != table.rows[: table.header_rows]:
        return None
    return after.rows[after.header_rows :]
