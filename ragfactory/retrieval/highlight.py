"""Which words of a passage a query asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ragfactory.store.analysis import stems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_WORD = re.compile(r"\d+(?:[.,]\d+)+|\w+")


def matches(passage: str, query: str, languages: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Start and end of each word of `passage` that has a stem in common with `query` in one of `languages`."""
    for language in languages or [""]:
        wanted = stems(query, [language])
        for word in _WORD.finditer(passage):
            if not wanted.isdisjoint(stems(word.group(), [language])):
                yield word.span()


def excerpt(passage: str, found: Iterable[tuple[int, int]], length: int) -> tuple[int, int]:
    """Start and end of the part of `passage`, about `length` characters, with the most different words among `found`.

    It begins and ends between words, at the start of a line where one is near. A passage not much longer is taken whole.
    """
    if len(passage) <= length * 5 // 4:
        return 0, len(passage)
    spans = sorted(set(found))

    def words_from(start: int) -> int:
        return len({passage[a:b].casefold() for a, b in spans if start <= a and b <= start + length})

    best = max((start for start, _ in spans), key=words_from, default=0)
    if words_from(0) >= words_from(best):
        start = 0
    else:
        line = passage.rfind("\n", max(best - length // 4, 0), best) + 1
        start = line or passage.rfind(" ", 0, best) + 1
    if len(passage) - start <= length:
        return start, len(passage)
    end = passage.rfind(" ", start, start + length)
    newline = passage.rfind("\n", start + length * 3 // 4, start + length)
    return start, newline if newline > 0 else end if end > start else start + length
