"""Tells headings from text by their type, and ranks them into levels."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.documents.pdf.mending import ends_sentence
from ragfactory.documents.pdf.pieces import Piece, PieceKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ragfactory.documents.pdf.model import RawPage

LARGER = 1.12  # times the body's size
MAX_CHARACTERS = 160
MAX_BOLD_CHARACTERS = 110
MAX_LINES = 4
MAX_LEVEL = 6

_NUMBERED = re.compile(r"(?:(?:hoofdstuk|chapter|kapitel|chapitre|bijlage|deel|appendix|anhang|annexe)\s+)?"
                       r"((?:\d{1,2}|[A-Z])(?:\.\d{1,2})*)[.)]?\s+\S", re.IGNORECASE)  # fmt: skip
_NESTED_NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,2})+\.?\s+[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Body:
    """The type that most of the document's text is set in."""

    size: float
    bold: bool

    @classmethod
    def of(cls, pages: Iterable[RawPage]) -> Body:
        """Count words by type over all pages."""
        weights: Counter[tuple[float, bool]] = Counter()
        for page in pages:
            for line in page.lines:
                weights[round(line.size * 2) / 2, line.bold] += len(line.words)
        return cls(*max(weights, key=lambda style: weights[style], default=(0.0, False)))

    def is_heading(self, piece: Piece) -> bool:
        """Whether the piece is set as a heading: larger or bolder than the body, short, and no sentence."""
        if not 0 < len(piece.lines) <= MAX_LINES or not _reads_as_heading(piece):
            return False
        stands_out = piece.bold and not self.bold
        if piece.size >= LARGER * self.size:
            return not ends_sentence(piece.text) or len(piece.text) <= MAX_BOLD_CHARACTERS
        if ends_sentence(piece.text) or len(piece.text) > MAX_BOLD_CHARACTERS or piece.size < 0.9 * self.size:
            return False
        in_form = _NESTED_NUMBER.match(piece.text) or (piece.text.isupper() and len(piece.text) >= 5)
        return stands_out or bool(in_form and len(piece.lines) == 1)


def _reads_as_heading(piece: Piece) -> bool:
    text = piece.text
    letters = sum(map(str.isalpha, text))
    wordy = letters >= 2 and letters * 2 >= len(text.replace(" ", ""))
    numbered = piece.kind is PieceKind.TEXT or (piece.kind is PieceKind.ITEM and _NUMBERED.match(text))
    return bool(wordy and numbered) and len(text) <= MAX_CHARACTERS and text[-1] not in ",;"


def heading_levels(headings: Sequence[Piece]) -> list[int]:
    """The level of each heading, 1 the outermost: by size first, then bold before plain, then by the depth of its number.

    A style used once gets no level of its own, the title's excepted: it shares that of the next style below it.
    """
    if not headings:
        return []
    styles = [_style(piece) for piece in headings]
    counts = Counter(styles)
    title = min(style for style, piece in zip(styles, headings, strict=True) if piece.page == headings[0].page)
    ranked = sorted(style for style, count in counts.items() if count > 1 or style == title)
    ranks = [min(bisect_left(ranked, style), len(ranked) - 1) + 1 for style in styles]
    depths = [_depth(piece.text) for piece in headings]
    shallowest = {rank: min(d for r, d in zip(ranks, depths, strict=True) if r == rank) for rank in set(ranks)}
    return [min(rank + depth - shallowest[rank], MAX_LEVEL) for rank, depth in zip(ranks, depths, strict=True)]


def _style(piece: Piece) -> tuple[float, bool, bool]:
    return -round(piece.size), not piece.bold, not piece.text.isupper()


def _depth(text: str) -> int:
    match = _NUMBERED.match(text)
    return match[1].count(".") if match else 0
