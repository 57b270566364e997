"""Recognises the line that numbers and names a table or figure."""

from __future__ import annotations

import re

_CAPTION = re.compile(
    r"(?:tabel|table|tabelle|tableau|tab\.|figuur|figure|fig\.|abbildung|abb\.|grafiek|chart|schema|overzicht|übersicht|exhibit)"
    r"\s+(?:[A-Z]{1,3}[.-]?)?(?:\d++|[ivx]++)[a-z]?(?:[.-]\d++)*+(?:\s*[:.–—|-]|\s+(?-i:[A-Z])[^.]*$)",
    re.IGNORECASE,
)


def is_caption(text: str) -> bool:
    """Whether the text is a caption ("Tabel 3: Personeel", "Figure 2.1 Sales"), rather than a sentence that speaks of one."""
    return bool(_CAPTION.match(text))
