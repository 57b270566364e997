"""The part of a document that a language model is shown beside a passage: all of it, or its outline and what stands around."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import TYPE_CHECKING

from ragfactory.context.text import as_data
from ragfactory.documents.model import BlockKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragfactory.chunking.model import Chunk
    from ragfactory.documents.model import Document

_OUTLINE_SHARE = 0.25  # of the room
_HEADING_CHARACTERS = 120
_GAP = "[…]"
_LONGEST_TOKEN = 16  # characters, on an average of many
# What is counted at once, so that each part of a document is counted once: a line, or as much of it.
_PIECE = re.compile(r"\n+|[^\n]{1,400}\n*")


@dataclass(frozen=True, slots=True)
class Room:
    """How many `tokens` there are, and how they are counted."""

    tokens: int
    count: Callable[[str], int]

    def left_by(self, *texts: str) -> Room:
        """What is left beside those texts, 0 at least."""
        return Room(max(0, self.tokens - sum(map(self.count, texts))), self.count)

    def holds(self, text: str) -> bool:
        """Whether the text fits."""
        return len(text.encode()) <= self.tokens or self.count(text) <= self.tokens

    def cut(self, text: str) -> str:
        """The text's beginning, as much as fits, with a sign of the rest."""
        if self.holds(text):
            return text
        fits, too_long = 0, len(text)
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            fits, too_long = (middle, too_long) if self.holds(text[:middle] + _GAP) else (fits, middle)
        return text[:fits] + _GAP if fits else ""


class _Ruler:
    """Measures stretches of a text in tokens, a little too long rather than too short: it rounds out to whole pieces."""

    def __init__(self, text: str, count: Callable[[str], int]) -> None:
        pieces = list(_PIECE.finditer(text))
        self._starts = [piece.start() for piece in pieces]
        self._totals = list(accumulate((count(as_data(piece[0])) for piece in pieces), initial=0))

    def tokens(self, start: int, end: int) -> int:
        """The length of `text[start:end]`."""
        first, last = bisect_right(self._starts, start) - 1, bisect_left(self._starts, end)
        return self._totals[last] - self._totals[max(first, 0)]


def excerpts(document: Document, chunks: Sequence[Chunk], room: Room) -> list[str]:
    """What is shown of the document with each of its `chunks`, as data for a prompt.

    That is all of the text where it fits. Of a longer document it is an outline, the sections of the chunk and its neighbours,
    and as much as fits of what stands around them: one string for many chunks in a row, so that a model reads it once.
    Every excerpt of a document begins with the same outline.
    """
    ruler = _Ruler(document.text, room.count)
    if ruler.tokens(0, len(document.text)) <= room.tokens:
        return [as_data(document.text)] * len(chunks)
    outline = _outline(document, Room(int(room.tokens * _OUTLINE_SHARE), room.count))
    beside = room.left_by(f"{outline}\n\n{_GAP}\n\n{_GAP}\n").tokens
    shown = []
    for window in _windows(chunks, ruler, beside):
        around = _around(document, window, ruler, beside)
        shown += ["\n\n".join(filter(None, (outline, around)))] * len(window)
    return shown


def opening(document: Document, room: Room) -> str:
    """What is shown of the document to say what it is about, as data for a prompt: all of it, or its outline and its beginning."""
    ruler = _Ruler(document.text, room.count)
    if ruler.tokens(0, len(document.text)) <= room.tokens:
        return as_data(document.text)
    outline = _outline(document, Room(int(room.tokens * _OUTLINE_SHARE), room.count))
    beginning = as_data(document.text[: room.tokens * _LONGEST_TOKEN])
    return "\n\n".join(filter(None, (outline, room.left_by(f"{outline}\n\n").cut(beginning + _GAP))))


def _outline(document: Document, room: Room) -> str:
    """The headings, indented by level; of many, those of the upper levels."""
    headings = [
        (block.level or 1, as_data(document.text_of(block))[:_HEADING_CHARACTERS])
        for block in document.blocks
        if block.kind is BlockKind.HEADING
    ]
    outline = ""
    for deepest in sorted({level for level, _ in headings}):
        lines = ["  " * (level - 1) + heading for level, heading in headings if level <= deepest]
        longer = "\n".join(lines)
        if not room.holds(longer):
            return outline or room.cut(longer)
        outline = longer
    return outline


def _windows(chunks: Sequence[Chunk], ruler: _Ruler, tokens: int) -> list[list[Chunk]]:
    """The chunks in runs whose text fits together; a section is cut only where it is too long for one run."""
    windows: list[list[Chunk]] = []
    for _, chunks_of_section in groupby(chunks, key=lambda chunk: chunk.headings[:1]):
        section = list(chunks_of_section)
        if windows and ruler.tokens(windows[-1][0].start, section[-1].end) <= tokens:
            windows[-1] += section
            continue
        windows.append([])
        for chunk in section:
            if windows[-1] and ruler.tokens(windows[-1][0].start, chunk.end) > tokens:
                windows.append([])
            windows[-1].append(chunk)
    return windows


def _around(document: Document, window: Sequence[Chunk], ruler: _Ruler, tokens: int) -> str:
    """The text of a run of chunks, with as many blocks before and after it as fit; nothing where one chunk is too long."""
    start, end = window[0].start, window[-1].end
    if ruler.tokens(start, end) > tokens:
        return ""
    before = [block for block in document.blocks if block.end <= start]
    after = [block for block in reversed(document.blocks) if block.start >= end]
    grown = True
    while grown:
        grown = False
        if before and ruler.tokens(before[-1].start, end) <= tokens:
            start, grown = before.pop().start, True
        if after and ruler.tokens(start, after[-1].end) <= tokens:
            end, grown = after.pop().end, True
    gap_before, gap_after = _GAP if start else "", _GAP if end < len(document.text) else ""
    return "\n".join(filter(None, (gap_before, as_data(document.text[start:end]), gap_after)))
