"""Cuts a row into cells at its wide gaps, and tells numbers, dates and units from text."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ragfactory.documents.table_headers import is_amount

if TYPE_CHECKING:
    from ragfactory.documents.pdf.model import Line, Word

GAP = 0.7  # of the type size: a wider gap parts two cells of text
NUMBER_GAP = 0.55  # the same, next to a number
CLOSER_GAP = 2.0  # a lone ')' or '%' this close belongs to the number before it

_CURRENCY = r"(?:€|\$|£|¥|EUR|USD|GBP|CHF|US\$|C\$)"
_NIL = re.compile(rf"{_CURRENCY}?\s*(?:[-−–—]+|n[./]?a\.?|n\.?v\.?t\.?|nihil|nil)\s*%?", re.IGNORECASE)
_YEAR = r"(?:19|20)\d\d"
_PERIOD = re.compile(
    rf"(?:FY|H[12]|Q[1-4]|[1-4]Q|[12]H)?\s*'?(?:{_YEAR}(?:\s*[-/–]\s*(?:{_YEAR}|\d\d))?)[A-Z*]?"
    rf"|\d{{1,2}}[-./]\d{{1,2}}[-./](?:{_YEAR}|\d\d)|{_YEAR}[-./]\d{{1,2}}[-./]\d{{1,2}}|\d{{1,2}}[-./]{_YEAR}",
    re.IGNORECASE,
)
_UNIT = re.compile(rf"(?:x\s*)?{_CURRENCY}?\s*(?:1[., ]?000(?:[., ]?000)?|['’]000|mln\.?|mld\.?|k)?|%|#", re.IGNORECASE)
_SYMBOL = re.compile(_CURRENCY)
_PREFIXES = ("$", "£", "US$")  # always before their number
_CLOSER = re.compile(r"[)\]%‰]+|\([a-z]\)")
_DOT = re.compile(r"[.…·_]+")
_DOTS = re.compile(r"(?:\.\s?){4,}|…{2,}|(?:· ?){4,}|_{4,}")
_PAGE = re.compile(r"\d{1,4}|[ivxlc]+")
_MARKER = re.compile(r"[•◦▪■●○‣⁃∙·*\-–—➢➤✓\ufffd\ue000-\uf8ff]|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)]|\(?[A-Z]\)")


class Cell(NamedTuple):
    """A stretch of a row between two wide gaps. The edges are those of the number where a currency sign stands before it."""

    x0: float
    x1: float
    text: str


def split_cells(row: Line) -> list[Cell]:
    """The cells of a row, left to right; currency signs and closing brackets put back to the number that they are of."""
    runs: list[list[Word]] = [[row.words[0]]]
    for word in row.words[1:]:
        if _is_gap(runs[-1][-1], word, row.size):
            runs.append([word])
        else:
            runs[-1].append(word)
    return _glue([Cell(run[0].x0, run[-1].x1, " ".join(word.text for word in run)) for run in runs], row.size)


def _is_gap(before: Word, word: Word, size: float) -> bool:
    if word.text in _PREFIXES or (_DOT.fullmatch(before.text) and is_numeric(word.text)):
        return True
    if _DOT.fullmatch(word.text):
        return False
    number = is_numeric(before.text) or is_numeric(word.text) or _SYMBOL.fullmatch(word.text)
    return word.x0 - before.x1 > (NUMBER_GAP if number else GAP) * size


def _glue(cells: list[Cell], size: float) -> list[Cell]:
    glued: list[Cell] = []
    for cell in cells:
        before = glued[-1] if glued else None
        if before and _SYMBOL.fullmatch(before.text) and is_numeric(cell.text):
            glued[-1] = Cell(cell.x0, cell.x1, f"{before.text} {cell.text}")
        elif (
            before
            and _CLOSER.fullmatch(cell.text)
            and cell.x0 - before.x1 < CLOSER_GAP * size
            and is_numeric(before.text)
        ):
            glued[-1] = Cell(before.x0, cell.x1, before.text + ("" if cell.text[0] in ")]" else " ") + cell.text)
        else:
            glued.append(cell)
    return glued


@lru_cache(maxsize=1 << 14)
def is_numeric(text: str) -> bool:
    """Whether the whole text is a number, an amount, a percentage, a date or a sign for nil."""
    return is_quantity(text) or is_period(text)


def is_quantity(text: str) -> bool:
    """Whether the whole text is an amount, or a sign that there is none."""
    return is_amount(text) or is_nil(text)


def is_nil(text: str) -> bool:
    """Whether the whole text says that there is no amount, by a dash or in words."""
    return bool(_NIL.fullmatch(text))


def is_period(text: str) -> bool:
    """Whether the whole text is a year or a date, as at the head of a column."""
    return bool(_PERIOD.fullmatch(text))


def is_unit(text: str) -> bool:
    """Whether the whole text is a unit, as under the head of a column."""
    return bool(_UNIT.fullmatch(text))


def is_marker(text: str) -> bool:
    """Whether the word opens a list item: a bullet, or a number or letter with a point or bracket."""
    return bool(_MARKER.fullmatch(text))


def is_page_number(text: str) -> bool:
    """Whether the word can be a page number, in figures or small Roman numerals."""
    return bool(_PAGE.fullmatch(text))


def has_leader(text: str) -> bool:
    """Whether a row of dots leads the eye across, as in a table of contents."""
    return bool(_DOTS.search(text))
