"""The inflected forms of Dutch and German nouns, by rule. Among them are some that there are not: those do no harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_UMLAUT = str.maketrans("aou", "äöü")


def forms(word: str, language: str) -> Iterator[str]:
    """A lower-case word and its forms; `language` is nl or de."""
    yield word
    yield from _dutch(word) if language == "nl" else _german(word)


def _dutch(word: str) -> Iterator[str]:
    yield from (f"{word}{ending}" for ending in ("e", "en", "s", "je", "jes", "tje", "tjes"))
    if word.endswith("e"):
        yield from (f"{word}n", f"{word}ën")
    if word.endswith("heid"):
        yield f"{word[:-4]}heden"
    if word.endswith("um"):
        yield f"{word[:-2]}a"
    if word[-1] in "aeiouwx":
        return
    stem, last = word[:-1], word[-1]
    opened = stem[:-1] if stem[-1] == stem[-2] and stem[-1] in "aeou" else stem
    voiced = {"s": "z", "f": "v"}.get(last, last)
    for ending in ("e", "en"):
        yield f"{opened}{last}{ending}"  # jaar, jaren
        yield f"{opened}{voiced}{ending}"  # prijs, prijzen
        yield f"{word}{last}{ending}"  # vak, vakken


def _german(word: str) -> Iterator[str]:
    yield f"{word}s"
    if word.endswith(("e", "el", "er")):
        yield f"{word}n"
    if not word.endswith("e"):
        yield from (f"{word}{ending}" for ending in ("e", "en", "er", "ern", "es"))
    if word.endswith("in"):
        yield f"{word}nen"
    if word.endswith("s"):
        yield from (f"{word}se", f"{word}sen", f"{word}ses")
    if word.endswith("um"):
        yield f"{word[:-2]}en"
    vowel = max(word.rfind(vowel) for vowel in "aou")
    if vowel < 0:
        return
    if word[max(vowel - 1, 0) : vowel + 1] == "au":
        vowel -= 1
    umlaut = word[:vowel] + word[vowel].translate(_UMLAUT) + word[vowel + 1 :]
    yield from (f"{umlaut}{ending}" for ending in ("", "e", "en", "er", "ern", "n"))
