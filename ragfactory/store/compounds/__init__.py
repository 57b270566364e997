"""Dutch and German compounds taken apart: bedrijfsgebouwen is found by gebouw, and Personalkosten by Kosten.

A word is split where every part is a known one; the parts are those common in business documents, a list a language. Between
two parts may stand a linking element, and the last may have an ending. Splitting by known parts: P. Koehn, K. Knight, "Empirical
Methods for Compound Splitting", EACL 2003.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

LANGUAGES = ("nl", "de")

_SHORTEST = 7  # letters of a compound
_LINKS = {"nl": ("", "s", "en", "n", "e", "er", "-"), "de": ("", "s", "es", "n", "en", "er", "e", "-")}
_ENDINGS = {"nl": ("", "en", "s", "n", "e", "je", "jes"), "de": ("", "en", "n", "e", "er", "es", "s", "ern")}
_REMEMBERED = 100_000  # words


@lru_cache(_REMEMBERED)
def parts(word: str, language: str) -> tuple[str, ...]:
    """The parts of a lower-case compound, linking elements left out, as few as there can be; empty for any other word."""
    if language not in LANGUAGES or len(word) < _SHORTEST or _is_part(word, language):
        return ()
    return min(_splits(word, language), key=len, default=())


def _splits(word: str, language: str) -> list[tuple[str, ...]]:
    """Every way to take a word apart in two parts or more."""
    known = _known(language)
    found: list[tuple[str, ...]] = []
    for cut in range(len(word) - 3, 2, -1):
        head, tail = word[:cut], word[cut:]
        first = next((head[: len(head) - len(link)] for link in _LINKS[language] if _is(head, link, known)), None)
        if first is None:
            continue
        if _is_part(tail, language):
            found.append((first, tail))
        else:
            found += [(first, *rest) for rest in _splits(tail, language)]
    return found


def _is_part(word: str, language: str) -> bool:
    return any(_is(word, ending, _known(language)) for ending in _ENDINGS[language])


def _is(piece: str, ending: str, known: frozenset[str]) -> bool:
    return piece.endswith(ending) and piece[: len(piece) - len(ending)] in known


@lru_cache
def _known(language: str) -> frozenset[str]:
    return frozenset(files(__package__).joinpath(f"{language}.txt").read_text(encoding="utf-8").split())
