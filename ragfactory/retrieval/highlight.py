"""Which words of a passage a query asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ragfactory.store.lexical import stems

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WORD = re.compile(r"\w+")


def matches(passage: str, query: str, languages: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Start and end of each word of `passage` that has a stem in common with `query` in one of `languages`."""
    for language in languages or [""]:
        wanted = stems(query, [language])
        for word in _WORD.finditer(passage):
            if not wanted.isdisjoint(stems(word.group(), [language])):
                yield word.span()
