"""Dutch and German compounds taken apart: bedrijfsgebouwen is found by gebouw, and Personalkosten by Kosten.

A word is split where its parts are known ones, of a list a language, or all but its first or its last are. An unknown part must
look like a word: five letters or more, a beginning and an end that words have, and more than endings. Between parts may stand a
linking element. Splitting by known parts: P. Koehn, K. Knight, "Empirical Methods for Compound Splitting", EACL 2003.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from ragfactory.store.compounds.grammar import GRAMMARS
from ragfactory.store.compounds.inflection import nouns

LANGUAGES = ("nl", "de")
SHORTEST = 7  # letters of a compound

_LONGEST = 60  # letters of a word that is looked at
_SHORTEST_PART = 3
_SHORTEST_GUESS = 5  # letters of a part that is not known, and of the known word beside it
_REMEMBERED = 100_000  # words

_Part: TypeAlias = tuple[int, str]  # where it starts in the word, and its letters without a link


@lru_cache(_REMEMBERED)
def parts(word: str, language: str) -> tuple[str, ...]:
    """The parts of a lower-case compound, linking elements left out, as few as there can be; empty for any other word."""
    return tuple(part for _, part in _split(word, language))


@lru_cache(_REMEMBERED)
def words_within(word: str, language: str) -> tuple[str, ...]:
    """The words that a lower-case compound is found by: its parts and, where they are three or more, all but the last and all but
    the first of them in one.
    """
    split = _split(word, language)
    found = [part for _, part in split]
    if len(split) > 2:
        start, part = split[-2]
        found += [word[: start + len(part)], word[split[1][0] :]]
    return tuple(found)


def _split(word: str, language: str) -> tuple[_Part, ...]:
    """The parts of a word: all of them known where that can be, else with a guess at its start or end, as short as can be."""
    if language not in LANGUAGES or not SHORTEST <= len(word) <= _LONGEST:
        return ()
    if _known(word, language):
        return ()
    before = _from_start(word, language)
    ways = [(*found, (at, word[at:])) for at, found in before.items() if at and _known(word[at:], language)]
    if ways:
        return min(ways, key=len)
    after = _to_end(word, language)
    guesses = [
        (*found, (at, word[at:])) for at, found in before.items() if at and _can_follow(word, found, at, language)
    ]
    guesses += [((0, head), *found) for at, found in after.items() if (head := _head(word[:at], found, language))]
    return min(guesses, key=lambda way: (_guessed(way, language), len(way), -len(way[-1][1])), default=())


def _from_start(word: str, language: str) -> dict[int, tuple[_Part, ...]]:
    """By where they end, the fewest known parts, each with its link, that the word starts with."""
    found: dict[int, tuple[_Part, ...]] = {0: ()}
    for end in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1):
        ways = [
            (*found[start], (start, part))
            for start in found
            if start <= end - _SHORTEST_PART and (part := _leading(word[start:end], language))
        ]
        if ways:
            found[end] = min(ways, key=len)
    return found


def _to_end(word: str, language: str) -> dict[int, tuple[_Part, ...]]:
    """By where they start, the fewest known parts that the word ends with."""
    found: dict[int, tuple[_Part, ...]] = {}
    for start in range(len(word) - _SHORTEST_PART, _SHORTEST_GUESS - 1, -1):
        if _known(word[start:], language):
            found[start] = ((start, word[start:]),)
            continue
        ways = [((start, part), *rest) for end, rest in found.items() if (part := _leading(word[start:end], language))]
        if ways:
            found[start] = min(ways, key=len)
    return found


def _can_follow(word: str, before: tuple[_Part, ...], at: int, language: str) -> bool:
    """Whether an unknown rest of a word may follow known parts."""
    rest, (_, last) = word[at:], before[-1]
    if len(_known(last, language)) < _SHORTEST_GUESS or len(rest) < _SHORTEST_GUESS:
        return False
    return GRAMMARS[language].follows(last, rest, linked=word[:at].endswith(f"{last}s"))


def _head(rest: str, after: tuple[_Part, ...], language: str) -> str:
    """An unknown start of a word without its link, or nothing where it cannot stand before known parts."""
    grammar = GRAMMARS[language]
    if len(_known(after[0][1], language)) < _SHORTEST_GUESS:
        return ""
    bare = rest[:-1] if grammar.link_s.search(rest) else rest
    if len(bare) < _SHORTEST_GUESS or not grammar.is_wordlike(bare) or not grammar.ending.fullmatch(bare):
        return ""
    return bare


def _guessed(way: tuple[_Part, ...], language: str) -> int:
    """How many letters are in parts that are not known."""
    return sum(len(part) for _, part in way if not _known(part, language))


def _known(text: str, language: str) -> str:
    """The known word that a text is, or else is a form of, or nothing."""
    listed = _listed(language)
    if text in listed or text in GRAMMARS[language].prefixes:
        return text
    return max((noun for noun in nouns(text, language) if noun in listed), default="")


def _leading(text: str, language: str) -> str:
    """The part that a text in front of another part is: a known word, its link left out, or else a form of one, or nothing."""
    listed, grammar = _listed(language), GRAMMARS[language]
    for link in grammar.links:
        word = text.removesuffix(link)
        if (word in listed or word in grammar.prefixes) and (link != "n" or word[-1] == "e"):
            return word
    return text if _known(text, language) else ""


@lru_cache
def _listed(language: str) -> frozenset[str]:
    return frozenset(Path(__file__).with_name(f"{language}.txt").read_text(encoding="utf-8").split())
