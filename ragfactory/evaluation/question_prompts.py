"""What a language model is asked for a question that a passage answers, and whether what it wrote is one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ragfactory.context.answers import Refusal, blemish, in_another_language, without_thoughts
from ragfactory.context.prompt import Prompt
from ragfactory.context.templates import fill, language_of
from ragfactory.context.text import as_data, one_line
from ragfactory.evaluation.relevance import squash

if TYPE_CHECKING:
    from ragfactory.store.records import ChunkRecord

LONGEST = 200  # characters of a question

_FOLDER = Path(__file__).parent / "prompts"
_PASSAGE_CHARACTERS = 3_000
_TITLE_CHARACTERS = 200
_SHORTEST = 10
_LABEL = re.compile(r"^(?:question|vraag|frage)\s*\d*\s*:\s*", re.IGNORECASE)
_QUOTES = " \"“”„«»'*"
# Who asks has not seen the passage.
_POINTING = re.compile(
    r"\b(?:(?:this|the|deze|de|diese[rnms]?|die|der|dem|ce|cet|cette|le|la)\s+(?:\w+\s+)?"
    r"(?:passage|text|tekst|texte|extract|extrait|fragment|abschnitt|textstelle)|(?:above|below|hierboven|ci-dessus))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Wording:
    instructions: str
    shared: str
    own: str
    again: str


def question_prompt(chunk: ChunkRecord, *, again: bool = False) -> Prompt:
    """What is asked of a chunk, in its language; `again` adds a word on what a question looks like."""
    language = language_of(chunk.language)
    words = _wording(language)
    title = as_data(one_line(chunk.path))[:_TITLE_CHARACTERS]
    own = fill(words.own, {"passage": as_data(chunk.text)[:_PASSAGE_CHARACTERS]})
    return Prompt(
        words.instructions, fill(words.shared, {"title": title}), f"{own}\n\n{words.again}" if again else own, language
    )


def check_question(answer: str, chunk: ChunkRecord) -> str | Refusal:
    """The question in a model's answer, or why there is none.

    It is one line of 10 to 200 characters with one question mark, at its end, in the chunk's language; no copy of what the chunk
    says, without markup or a link, and it does not point at "this passage".
    """
    lines = [line for line in without_thoughts(answer).splitlines() if line.strip()]
    if len(lines) != 1:
        return Refusal("several lines" if lines else "empty")
    question = _LABEL.sub("", one_line(lines[0]).strip(_QUOTES)).strip(_QUOTES)
    reason = _fault(question, chunk)
    return Refusal(reason) if reason else question


def _fault(question: str, chunk: ChunkRecord) -> str | None:
    if not question.endswith("?") or question.count("?") > 1:
        return "no question"
    if not _SHORTEST <= len(question) <= LONGEST:
        return "too short" if len(question) < _SHORTEST else "too long"
    if squash(question) in squash(chunk.text):
        return "copy"
    if _POINTING.search(question):
        return "points at the passage"
    if in_another_language(question, language_of(chunk.language)):
        return "wrong language"
    return blemish(question)


@cache
def _wording(language: str) -> _Wording:
    instructions, shared, own, again = (_FOLDER / f"{language}.txt").read_text(encoding="utf-8").split("---\n")
    return _Wording(instructions.strip(), shared, own.strip(), again.strip())
