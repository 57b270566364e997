"""The prompt for an answer: instructions, the passages as data, and the question, in the question's language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ragfactory.context.prompt import Prompt
from ragfactory.context.templates import LANGUAGES, fill, language_of
from ragfactory.context.text import as_data, one_line
from ragfactory.documents.language import detect_language
from ragfactory.store.function_words import function_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.retrieval.answering.model import Source

_FOLDER = Path(__file__).parent / "prompts"
_QUESTION_CHARACTERS = 2_000
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of one language: what the model is told, how a passage and the question are put, what it says when there is no
    answer, what is said where no model looked and no sentence of the passages is one, and what stands above those passages.
    """

    instructions: str
    passage: str
    question: str
    absent: str
    unanswered: str
    nearest: str


@cache
def wording(language: str) -> Wording:
    """The wording in one of the four languages."""
    parts = (_FOLDER / f"{language}.txt").read_text(encoding="utf-8").split("---\n")
    instructions, passage, *rest = parts
    question, absent, unanswered, nearest = map(str.strip, rest)
    return Wording(fill(instructions, {"absent": absent}).strip(), passage, question, absent, unanswered, nearest)


def language_of_question(question: str, sources: Sequence[Source]) -> str:
    """The language to answer in: that of the question, else, where it is too short to tell, that of most of its function words,
    else that of the best passage.
    """
    best = sources[0].hit.chunk.language if sources else None
    return language_of(detect_language(question) or _by_function_words(question) or best)


def prompt_for(question: str, sources: Sequence[Source], language: str, room: int) -> Prompt:
    """What a model is asked; passages that are more than `room` characters together are cut, each to its share."""
    words = wording(language)
    share = room // max(1, len(sources))
    passages = (
        fill(words.passage, {"n": str(source.n), "place": _place(source), "text": as_data(source.text)[:share]})
        for source in sources
    )
    asked = fill(words.question, {"question": as_data(one_line(question))[:_QUESTION_CHARACTERS]})
    return Prompt(words.instructions, "".join(passages), asked, language)


def says_nothing_was_found(answer: str) -> bool:
    """Whether an answer is what a model was told to say when the passages do not hold one, in any of the languages."""
    said = _plain(answer)
    return any(said.startswith(_plain(wording(language).absent)) for language in LANGUAGES)


def _by_function_words(text: str) -> str | None:
    """The language that more of the words are function words of than of any other."""
    words = _WORD.findall(text.casefold())
    known = {language: sum(word in function_words(language) for word in words) for language in LANGUAGES}
    first, second = sorted(known, key=lambda language: -known[language])[:2]
    return first if known[first] > known[second] else None


def _place(source: Source) -> str:
    """The file and page of a passage, as data: names of files are strangers' words too."""
    at = source.hit.at
    page = "" if at.place.page is None else f", p. {at.place.page}"
    return as_data(one_line(f"{at.doc_id}{page}"))


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
