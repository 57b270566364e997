"""HTML tables as rows of cells, told apart from those that are there for the layout."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from ragfactory.documents.model import Table
from ragfactory.documents.table_headers import guess_header_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml.etree import _Element

_MAX_SPAN = 100  # a cell that claims to span more columns or rows is wrong, or hostile
_MAX_COLUMNS = 1000
_NOT_IN_DATA = ("table", "h1", "h2", "h3", "h4", "h5", "h6", "form", "pre")
_LINE_BREAKS = frozenset(("br", "p", "div", "li", "dt", "dd", "tr", "td", "th"))
_NOT_TEXT = frozenset(("script", "style", "template"))


def data_table(element: _Element) -> Table | None:
    """The table in a `table` element; None when it is there for the layout, or has a single row or column of text.

    A column head that spans columns stands in each, so that every column has its full name; other cells that span columns
    stand in the first. A cell under the heads that spans rows stands in each of them.
    """
    if (
        element.get("role") in ("presentation", "none")
        or next(element.iterdescendants(*_NOT_IN_DATA), None) is not None
    ):
        return None
    lines = list(element.iterdescendants("tr"))
    heads = sum(1 for _ in takewhile(_is_head, lines))
    heads = heads if heads < len(lines) else 0
    rows = _grid(lines, heads)
    if sum(map(any, rows)) < 2 or max(sum(map(bool, row)) for row in rows) < 2:
        return None
    caption = next(element.iterchildren("caption"), None)
    return Table(tuple(rows), heads or guess_header_rows(rows), None if caption is None else flat_text(caption))


def flat_text(element: _Element) -> str:
    """All text in an element; line breaks and blocks begin a new line, white space stays as in the source."""
    from lxml import etree

    parts: list[str] = []
    for event, node in etree.iterwalk(element, events=("start", "end")):
        if event == "start":
            if node.tag in _LINE_BREAKS and node is not element:
                parts.append("\n")
            parts.append("" if node.tag in _NOT_TEXT else node.text or "")
            if node.tag == "img":
                parts.append(node.get("alt") or "")
        elif node is not element:
            parts.append(node.tail or "")
    return "".join(parts)


def _is_head(line: _Element) -> bool:
    parent = line.getparent()
    if parent is not None and parent.tag == "thead":
        return True
    cells = list(line.iterchildren("td", "th"))
    return any(cell.tag == "th" for cell in cells) and not any(
        cell.tag == "td" and flat_text(cell).strip() for cell in cells
    )


def _grid(lines: Sequence[_Element], heads: int) -> list[tuple[str, ...]]:
    """The text of each cell in its row and column, spans written out."""
    rows = []
    above: dict[int, tuple[int, str]] = {}  # column -> rows that a cell above still spans, and its text
    for i, line in enumerate(lines):
        row: list[str] = []
        below: dict[int, tuple[int, str]] = {}
        for cell in line.iterchildren("td", "th"):
            _continue_spans(row, above, below)
            text = " ".join(flat_text(cell).split())
            for k in range(min(_span(cell, "colspan"), _MAX_COLUMNS - len(row))):
                value = text if k == 0 or i < heads else ""
                below[len(row)] = (_span(cell, "rowspan") - 1, "" if i < heads else value)
                row.append(value)
        _continue_spans(row, above, below)
        above = {column: span for column, span in below.items() if span[0]}
        rows.append(tuple(row))
    return rows


def _continue_spans(row: list[str], above: dict[int, tuple[int, str]], below: dict[int, tuple[int, str]]) -> None:
    while (span := above.get(len(row))) is not None:
        below[len(row)] = (span[0] - 1, span[1])
        row.append(span[1])


def _span(cell: _Element, attribute: str) -> int:
    value = (cell.get(attribute) or "").strip()
    return min(max(int(value), 1), _MAX_SPAN) if value.isascii() and value.isdigit() and len(value) < 9 else 1
