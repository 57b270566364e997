"""What a model is asked to rewrite a query with, and which lines of its answer are rewritings."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ragfactory.context.answers import blemish, without_thoughts
from ragfactory.context.prompt import Prompt
from ragfactory.context.templates import fill, language_of
from ragfactory.context.text import as_data, one_line
from ragfactory.documents.language import detect_language

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 300  # characters of a rewriting

_FOLDER = Path(__file__).parent / "prompts"
_QUERY_CHARACTERS = 1_000  # a longer query says enough by itself
_MARKER = re.compile(r"^(?:[-*•–▪>]+|\(?\d{1,2}[.):])\s+")  # of a list, which models write though they are asked not to
_AROUND = " \"“”„«»'‘’*_`"
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def prompt_for(query: str, count: int, languages: Sequence[str]) -> Prompt:
    """What a model is asked for `count` rewritings, in the query's language; where that is too short to tell, in the first of the
    documents' `languages`.
    """
    language = language_of(detect_language(query) or next(iter(languages), None))
    instructions, question = _wording(language)
    asked = {"count": str(count), "question": as_data(one_line(query))[:_QUERY_CHARACTERS]}
    return Prompt(fill(instructions, asked), "", fill(question, asked), language)


def rewritings(answer: str, query: str, count: int) -> list[str]:
    """At most `count` rewritings in a model's answer, a line each, without the query itself and without one twice.

    What is around a line (a list's mark, quotation marks, emphasis) is taken off, and nothing invisible is left in it. No rewriting
    is a line of over 300 characters, one with markup or a link, an introduction or an apology, and one that has other numbers
    than the query: it would be about another year or amount.
    """
    numbers = _numbers(query)
    found = {_words(query): ""}
    for raw in without_thoughts(answer).splitlines():
        line = _MARKER.sub("", one_line(raw)).strip(_AROUND)
        if len(line) <= LONGEST and _LETTERS.search(line) and not _is_talk(line) and _numbers(line) == numbers:
            found.setdefault(_words(line), line)
    return list(found.values())[1 : count + 1]


def _is_talk(line: str) -> bool:
    return line.endswith(":") or blemish(line) is not None


def _numbers(text: str) -> set[str]:
    return set(_NUMBER.findall(text))


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


@cache
def _wording(language: str) -> tuple[str, str]:
    """The instructions and the question."""
    instructions, question = (_FOLDER / f"{language}.txt").read_text(encoding="utf-8").split("---\n")
    return instructions.strip(), question.strip()
