"""What counts as text: one Unicode form, newlines alone, and no control characters."""

from __future__ import annotations

import re
import unicodedata

# C0 and C1 controls except newline and tab, lone surrogates, and the BOM: none of them is text.
_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff]")


def clean(text: str) -> str:
    """Text in Unicode NFC with line ends as newlines and without control characters or lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    return unicodedata.normalize("NFC", _NOT_TEXT.sub("", text))
