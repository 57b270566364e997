"""Where the column heads of a table end, for tables that do not say so themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_HEADER_ROWS = 4
# A year, a financial year such as 2017/2018 or FY19, or a quarter; a footnote's number may follow.
_YEAR = re.compile(
    r"(?:(?:FY|Q[1-4]|H[12])\s?)?(?:19|20)\d\d(?:\s?[-/–]\s?(?:\d{2}|\d{4}))?(?:\s\d|\s?\(\d\)|\s?[%*])?"
)
_DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{2,4}")
_UNIT = r"(?:%|‰|[kKmMx]|mln|mrd|mio|bn|pp|bps|kWh|kg|km|m²|m2|uur|st)\.?"
_AMOUNT = re.compile(
    r"[(\[<>±~]?\s?[-+–−]?\s?(?:[A-Z]{0,3}[$€£¥]|[A-Z]{3})?\s?[-+–−(]?\s?"  # sign and currency
    rf"\d[\d.,'’ ]*\s?(?:{_UNIT}|[€$£])?\s?[)\]]?\s?%?-?"
    r"(?:\s?\([\da-z]\)|\*)?"  # a footnote's number
)


def guess_header_rows(rows: Sequence[Sequence[str]]) -> int:
    """How many of the first rows are column heads: 0 to 4.

    Heads are the rows above the first amount that fill a column beyond the first with words, years or dates, and a first row
    above them that fills the first column alone. Only one of them has a word in the first column as well: two such rows are a list
    of labels and values. A table without any amount has none: its first row may be a row like the others.
    """
    heads = 0
    labelled = False
    for i, row in enumerate(rows[:_MAX_HEADER_ROWS]):
        values = [cell.strip() for cell in row[1:] if cell.strip()]
        if any(map(is_amount, values)) or (not values and i > 0):
            break
        if row[0].strip() and values:
            if labelled or (len(row) == 2 and _holds_another_number(values[0])):
                break
            labelled = True
        if values:
            heads = i + 1
    has_amounts = any(is_amount(cell.strip()) for row in rows[heads:] for cell in row[1:])
    return heads if has_amounts else 0


def _holds_another_number(cell: str) -> bool:
    """Whether a cell has digits beside years and dates, as a reference or a telephone number does."""
    if _YEAR.search(cell) and any(map(str.isalpha, cell)):  # "Year ended December 31, 2015"
        return False
    return any(map(str.isdigit, _YEAR.sub("", _DATE.sub("", cell))))


def is_amount(cell: str) -> bool:
    """Whether a cell holds a number that is counted or measured: not a year, not a date, not words with a number in them."""
    if len(cell) > 40 or _YEAR.fullmatch(cell) or _DATE.fullmatch(cell):
        return False
    return _AMOUNT.fullmatch(cell) is not None
