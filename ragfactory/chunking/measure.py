"""How long a stretch of text is, in characters, words or an embedder's tokens, and what a chunk may hold of it."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Measure = Literal["characters", "words", "tokens"]

_WORD = re.compile(r"\S+")


class TokenCounter(Protocol):
    """An embedder's tokenizer, as far as chunking needs it."""

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """The (start, end) character offsets in `text` of each of its tokens, in order, special tokens left out."""
        ...


@dataclass(frozen=True, slots=True)
class Budget:
    """The text of one document, measured, with the `size` and `overlap` its chunks must keep to.

    `find_ends` gives the offsets where the characters, words or tokens of a text end, rising; `unit_ends` are those of
    `text`. A stretch is measured by bisection in them, which costs the same whatever its length.
    """

    text: str
    unit_ends: Sequence[int]
    find_ends: Callable[[str], Sequence[int]]
    size: int
    overlap: int

    @classmethod
    def of(cls, text: str, measure: Measure, tokens: TokenCounter, *, size: int, overlap: int) -> Self:
        """Measure `text`. The tokenizer is asked only when `measure` is tokens."""
        find_ends = _finder(measure, tokens)
        return cls(text, find_ends(text), find_ends, size, overlap)

    def length(self, start: int, end: int) -> int:
        """How many units end in the stretch from `start` to `end`."""
        return bisect_right(self.unit_ends, end) - bisect_right(self.unit_ends, start)

    def fits(self, start: int, end: int, taken: int = 0) -> bool:
        """Whether a chunk can hold that stretch, where `taken` units of its size are used already."""
        return self.length(start, end) + taken <= self.size

    def cost(self, text: str) -> int:
        """The length of another text, in the same unit."""
        return len(self.find_ends(text))

    def reach(self, start: int, units: int) -> int:
        """Where the first `units` units after `start` end; there must be that many."""
        return self.unit_ends[bisect_right(self.unit_ends, start) + units - 1]

    def overlap_floor(self, end: int) -> int:
        """The earliest offset from which the stretch up to `end` is no longer than the overlap."""
        before = bisect_right(self.unit_ends, end) - self.overlap - 1
        return self.unit_ends[before] if before >= 0 else 0


def _finder(measure: Measure, tokens: TokenCounter) -> Callable[[str], Sequence[int]]:
    if measure == "characters":
        return lambda text: range(1, len(text) + 1)
    if measure == "words":
        return lambda text: [match.end() for match in _WORD.finditer(text)]
    return lambda text: [end for _, end in tokens.offsets(text)]
