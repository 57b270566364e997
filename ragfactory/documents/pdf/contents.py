"""Recognises a table of contents, which looks like a table and is none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ragfactory.documents.pdf.cells import has_leader, is_page_number

if TYPE_CHECKING:
    from ragfactory.documents.pdf.model import Line

WIDE_GAP = 2.0  # of the type size

_TITLE = re.compile(
    r"(?:inhoud(?:sopgave)?|(?:table of )?contents|index|inhalt(?:sverzeichnis)?|table des matières|sommaire)\W*",
    re.IGNORECASE,
)


def is_contents_title(text: str) -> bool:
    """Whether the text is the title over a table of contents."""
    return bool(_TITLE.fullmatch(text))


def is_contents_entry(line: Line) -> bool:
    """Whether the line leads by dots to a page number and nothing else."""
    *before, last = line.words
    if last.text[-1:].isdigit() and has_leader(last.text):
        return True
    entry = " ".join(word.text for word in before)
    return is_page_number(last.text) and has_leader(entry) and entry[-1] in ".…·_"


def sets_off_page_number(line: Line) -> bool:
    """Whether the line ends in what may be a page number, far to the right of the rest."""
    *before, last = line.words
    return bool(before) and is_page_number(last.text) and last.x0 - before[-1].x1 > WIDE_GAP * line.size
