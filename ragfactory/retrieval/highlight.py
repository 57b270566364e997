"""Which words of a passage a query asks for."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ragfactory.store.analysis import stems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_PART = 0.2  # of a word's worth: so much less does a part of it say of where the answer is
_WORD = re.compile(r"\d+(?:[.,]\d+)+|\w+")


class Match(NamedTuple):
    """What of a passage is asked for, from `start` to `end`: what it has in common with the query, and what that is worth."""

    start: int
    end: int
    worth: Mapping[str, float]


def matches(passage: str, query: str, languages: Sequence[str]) -> Iterator[Match]:
    """Each word of `passage` that has a stem in common with `query` in one of `languages`: with a word of it or, which is worth
    less, with a part of one.
    """
    for language in languages or [""]:
        wanted = dict.fromkeys(stems(query, [language]), _PART) | dict.fromkeys(
            stems(query, [language], parts=False), 1.0
        )
        for word in _WORD.finditer(passage):
            if common := wanted.keys() & stems(word.group(), [language]):
                yield Match(*word.span(), {stem: wanted[stem] for stem in common})


def excerpt(passage: str, found: Iterable[Match], length: int) -> tuple[int, int]:
    """Start and end of the part of `passage`, about `length` characters, with the most of what is asked for, and that most often.

    It begins and ends between words, at the start of a line where one is near. A passage not much longer is taken whole.
    """
    if len(passage) <= length * 5 // 4:
        return 0, len(passage)
    found = sorted(found, key=lambda match: match.start)

    def worth_from(start: int) -> tuple[float, int]:
        inside = [match for match in found if start <= match.start and match.end <= start + length]
        return sum(dict(chain.from_iterable(match.worth.items() for match in inside)).values()), len(inside)

    best = max((match.start for match in found), key=worth_from, default=0)
    if worth_from(0)[0] >= worth_from(best)[0]:
        start = 0
    else:
        line = passage.rfind("\n", max(best - length // 4, 0), best) + 1
        start = line or passage.rfind(" ", 0, best) + 1
    if len(passage) - start <= length:
        return start, len(passage)
    end = passage.rfind(" ", start, start + length)
    newline = passage.rfind("\n", start + length * 3 // 4, start + length)
    return start, newline if newline > 0 else end if end > start else start + length
