"""What can be asked by rule: about a heading that says something, and for the amount of a row in a year or on a date.

Fewer and better: what reads as no question that anybody would ask is left out.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from ragfactory.retrieval.answering.statements import tables
from ragfactory.store.function_words import function_words

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABOUT = {
    "nl": "Wat staat er over {}?",
    "de": "Was steht über {} geschrieben?",
    "fr": "Que dit le document sur {} ?",
    "en": "What does it say about {}?",
}
_AMOUNT_IN_YEAR = {
    "nl": "Wat was het bedrag voor {} in {}?",
    "de": "Wie hoch war der Betrag für {} im Jahr {}?",
    "fr": "Quel était le montant pour {} en {} ?",
    "en": "What was the amount for {} in {}?",
}
_AMOUNT_ON_DATE = {
    "nl": "Wat was het bedrag voor {} per {}?",
    "de": "Wie hoch war der Betrag für {} zum {}?",
    "fr": "Quel était le montant pour {} au {} ?",
    "en": "What was the amount for {} at {}?",
}
_MONEY = re.compile(r"[€$£]|\b(?:euros?|eur|usd|gbp|chf|dollars?)\b", re.IGNORECASE)
_PERIOD = re.compile(r"\b(?P<day>\d{1,2}[-/.]\d{1,2}[-/.])?(?:19|20)\d\d\b")
_FIGURE = re.compile(r"[-–(]?\s*[€$£]?\s*[-–]?\d[\d.,'’\s]*\)?\s*[€$£]?")
_NUMBERING = re.compile(r"^(?:\d+\.?)+\)?\s+")
_LABEL = re.compile(r"[^\W\d_][^\d|:;?!]*")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LEAST_LETTERS = 3  # of a word that says something
_LONGEST = 80  # characters
_NOT_ABOUT = re.compile(r"[?!:;*\"“”„«»|]")  # in a heading that is more than the name of something


def heading_question(heading: str, language: str | None) -> str | None:
    """A question about what stands under a heading, or the heading where it is one; None where it says too little (a number, a
    month, a name, "Introduction"), or is no name of anything.
    """
    heading = _NUMBERING.sub("", heading).strip().removesuffix(":")
    told = _telling(heading, language)
    if heading.endswith("?"):
        return heading if len(told) > 1 else None
    first = _WORD.match(heading)
    if first is None or first[0].casefold() in function_words(language or "en") or _NOT_ABOUT.search(heading):
        return None
    if len(told) < 2 or any(map(str.isdigit, heading)) or _is_name(heading, language):
        return None
    return _ABOUT.get(language or "", _ABOUT["en"]).format(heading)


def row_questions(text: str, context: str, language: str | None) -> Iterator[tuple[str, str, str]]:
    """For each amount of a table's row in a year or on a date: the question, the row as it stands and the amount.

    `text` is that of a chunk, and `context` may say that its tables hold money. Other rows are left out: those whose name is a
    number, a date or a total, and cells that hold no sum of money.
    """
    for heads, rows in tables(text.split("\n")):
        for row, cells in rows:
            if len(cells) != len(heads) or not _is_label(cells[0], language):
                continue
            for head, cell in zip(heads[1:], cells[1:], strict=True):
                period = _PERIOD.search(head)
                if period and _FIGURE.fullmatch(cell) and _is_money(_PERIOD.sub("", head), cell, context):
                    asked = _AMOUNT_ON_DATE if period["day"] else _AMOUNT_IN_YEAR
                    yield asked.get(language or "", asked["en"]).format(cells[0], period[0]), row, cell


@cache
def _says_nothing() -> frozenset[str]:
    """Words of headings and of names of rows that tell nothing by themselves in any of the languages, months among them."""
    return frozenset(files(__package__).joinpath("says_nothing.txt").read_text(encoding="utf-8").split())


def _telling(text: str, language: str | None) -> list[str]:
    """The words that say something."""
    empty = _says_nothing() | function_words(language or "en")
    words = (word.casefold() for word in _WORD.findall(text))
    return [word for word in words if len(word) >= _LEAST_LETTERS and word not in empty]


def _is_name(heading: str, language: str | None) -> bool:
    """Whether every word has a capital, as in the name of a person or a firm. In German nouns have one anyway."""
    return language != "de" and all(word[0].isupper() for word in _WORD.findall(heading))


def _is_label(cell: str, language: str | None) -> bool:
    return len(cell) <= _LONGEST and _LABEL.fullmatch(cell) is not None and bool(_telling(cell, language))


def _is_money(unit: str, cell: str, context: str) -> bool:
    """Whether a cell holds money: by the unit of its column, or, where there is none, by its own or that of the document."""
    if any(map(str.isalpha, unit)) or _MONEY.search(unit):
        return _MONEY.search(unit) is not None
    return _MONEY.search(cell) is not None or _MONEY.search(context) is not None
