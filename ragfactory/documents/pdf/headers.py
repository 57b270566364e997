"""Tells the head of a table from its body, by what the cells hold and by bold type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ragfactory.documents.pdf.cells import is_nil, is_period, is_quantity, is_unit
from ragfactory.documents.table_headers import guess_header_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOTE = re.compile(r"\s*\([\da-z]\)$")  # "2017 (a)": the mark of a note, which is no part of the year


def count_header_rows(rows: Sequence[Sequence[str]], bold: Sequence[bool]) -> int:
    """How many of the first rows are column heads; `bold` says of each row whether it is printed bold.

    In a table of numbers those are the rows before the first quantity, and under a bold head the bold ones. A table of text has a
    head when its first row is filled, and is bold over a plain one or has three columns or more.
    """
    if any(is_quantity(cell) for row in rows for cell in row[1:]):
        heads = guess_header_rows([["0" if is_nil(cell) else _NOTE.sub("", cell) for cell in row] for row in rows])
        plain = (row for row in range(1, heads) if not bold[row] and not _is_subhead(rows[row]))
        return next(plain, heads) if bold[0] else heads
    filled = len(rows) > 1 and all(rows[0]) and not any(map(is_quantity, rows[0]))
    return int(filled and (len(rows[0]) >= 3 or (bold[0] and not bold[1])))


def _is_subhead(row: Sequence[str]) -> bool:
    """Whether the row holds units or years alone."""
    return all(is_unit(cell) or is_period(cell) for cell in row[1:] if cell)
