"""The enriched text of a chunk: what is embedded and searched beside the raw text, never shown in its place."""

from __future__ import annotations

from ragfactory.context.text import one_line

VERSION = 2  # raise it when the same parts would make another text


def enriched_text(context: str, text: str) -> str:
    """The chunk's `text` under its context on a line of its own; without one where that is empty."""
    above = one_line(context)
    return f"{above}\n\n{text}" if above else text
