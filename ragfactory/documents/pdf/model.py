"""What a PDF page holds before it is a document: words on lines, the grids MuPDF saw, and tables in their place."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

DESCENT = 0.25  # of the type size; how far a line reaches under its baseline


class Word(NamedTuple):
    """A word with its left and right edge and type size, in points. A named tuple, for a page makes a thousand of them."""

    x0: float
    x1: float
    text: str
    size: float
    bold: bool


class Box(NamedTuple):
    """A rectangle in points, y growing downwards."""

    x0: float
    y0: float
    x1: float
    y1: float

    def holds(self, x: float, y: float) -> bool:
        """Whether the point lies in the rectangle."""
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1


@dataclass(frozen=True, slots=True)
class Line:
    """Words on one baseline, left to right. A line in a table row or beside a second column is only a part of what stands there.

    `size` is the type size most of its characters have; `bold` is true when all of its letters are.
    """

    words: tuple[Word, ...]
    baseline: float
    size: float
    bold: bool

    @classmethod
    def of(cls, words: tuple[Word, ...], baseline: float) -> Line:
        """The line that these words make."""
        size = words[0].size
        if any(word.size != size for word in words):
            weights: Counter[float] = Counter()
            for word in words:
                weights[word.size] += len(word.text)
            size = weights.most_common(1)[0][0]
        return cls(
            words, baseline, size, all(word.bold or not has_letter(word.text) for word in words) and words[0].bold
        )

    @property
    def x0(self) -> float:
        """The left edge."""
        return self.words[0].x0

    @property
    def x1(self) -> float:
        """The right edge."""
        return max(word.x1 for word in self.words)

    @property
    def top(self) -> float:
        """The upper edge."""
        return self.baseline - self.size * (1 - DESCENT)

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.baseline + self.size * DESCENT

    @property
    def middle(self) -> float:
        """Half the height of a small letter over the baseline."""
        return self.baseline - self.size * 0.25

    @property
    def text(self) -> str:
        """The words with a space between."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as MuPDF proposes it: the column edges `xs` and row edges `ys`, and its cells, which may span several of both.

    `ruled` is true when lines are drawn at the column edges; otherwise MuPDF went by white space alone.
    """

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    cells: tuple[Box, ...]
    ruled: bool

    @property
    def box(self) -> Box:
        """The outline."""
        return Box(self.xs[0], self.ys[0], self.xs[-1], self.ys[-1])

    def column_of(self, x: float) -> int:
        """The column at this place, counted from 0; the outer ones reach beyond the outline."""
        return min(max(bisect_right(self.xs, x) - 1, 0), len(self.xs) - 2)

    def row_of(self, y: float) -> int:
        """The row at this height, counted from 0."""
        return min(max(bisect_right(self.ys, y) - 1, 0), len(self.ys) - 2)


@dataclass(frozen=True, slots=True)
class RawPage:
    """One page as read: `number` counts from 1, `lines` are in MuPDF's order, `sideways` is text that runs up or down."""

    number: int
    width: float
    height: float
    lines: tuple[Line, ...]
    sideways: tuple[str, ...] = ()
    grids: tuple[Grid, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def unread(self) -> bool:
        """Whether MuPDF could not read the page; a warning says why."""
        return self.height == 0


@dataclass(frozen=True, slots=True)
class PlacedTable:
    """A table and where it stands. `edges` are the right edges of its columns."""

    rows: tuple[tuple[str, ...], ...]
    header_rows: int
    box: Box
    edges: tuple[float, ...]

    @property
    def x0(self) -> float:
        """The left edge."""
        return self.box.x0

    @property
    def x1(self) -> float:
        """The right edge."""
        return self.box.x1

    @property
    def top(self) -> float:
        """The upper edge."""
        return self.box.y0

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.box.y1


@dataclass(frozen=True, slots=True)
class PdfInfo:
    """What the file says of itself."""

    page_count: int
    title: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


def has_letter(text: str) -> bool:
    """Whether the text holds a letter."""
    return any(map(str.isalpha, text))
