"""Text from documents made fit for one bracketed header line."""

from __future__ import annotations

import unicodedata

_BRACKETS = str.maketrans("[]", "()")


def one_line(text: str) -> str:
    """The text on one line: no control, format or bidirectional characters, round brackets for square ones."""
    spaced = " ".join(text.split())
    shown = "".join(char for char in spaced if not unicodedata.category(char).startswith("C"))
    return " ".join(shown.translate(_BRACKETS).split())
