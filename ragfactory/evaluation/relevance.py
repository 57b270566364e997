"""When a passage counts as an answer: it shows a relevant file, page, passage or turn of a conversation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from ragfactory.evaluation.questions import Question, Target
    from ragfactory.retrieval.results import Hit

_HEAD = 60  # characters of a sentence or turn by which it is known: a chunk may end within it
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_SHORTEST = 40  # characters of a sentence that says where it is from


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage stands: a file, its pages from first to last, counted from 1, where it has pages, and the number of its chunk
    there, from 0.
    """

    path: str
    page: int | None = None
    page_end: int | None = None
    chunk: int | None = None

    def shows(self, target: Target) -> bool:
        """Whether it is in the file, and on the page if there is one to be on."""
        if self.path != target.path:
            return False
        first = self.page or 0
        return target.page is None or first <= target.page <= (self.page_end or first)


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that a search found: its text, and every place where it stands."""

    text: str
    places: tuple[Place, ...]

    @classmethod
    def of(cls, hit: Hit) -> Self:
        """What is judged of a hit."""
        places = (Place(at.doc_id, at.place.page, at.place.page_end, at.place.n) for at in (hit.at, *hit.others))
        return cls(hit.chunk.text, tuple(places))


class Judge:
    """Says which relevant unit of one question a passage shows."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._answers = [squash(answer) for answer in question.answers]
        self._sentences = _heads_of_sentences(question.passage or "")
        self._turns = [squash(turn)[:_HEAD] for turn in question.turns or ()]

    def unit(self, found: Found) -> str | None:
        """A name for the unit, the same for each passage that shows it, or None when the passage answers nothing."""
        for target in self._question.relevant:
            if any(place.shows(target) for place in found.places):
                return self._unit_at(target, found)
        return None

    def _unit_at(self, target: Target, found: Found) -> str | None:
        if target.page is not None:
            return f"{target.path}#{target.page}"
        if self._question.passage is not None:
            text = squash(found.text)
            answered = any(answer in text for answer in self._answers)
            return target.path if answered and any(head in text for head in self._sentences) else None
        if self._question.turns is not None:
            text = squash(found.text)
            return next((turn for turn in self._turns if turn in text), None)
        return target.path


def squash(text: str) -> str:
    """Text as it is compared: words in lower case, with nothing but one blank between them."""
    return re.sub(r"\W+", " ", text).casefold().strip()


def _heads_of_sentences(passage: str) -> list[str]:
    """How the sentences of a passage begin; short ones, which may stand anywhere, only where there is nothing else."""
    sentences = [sentence for sentence in _SENTENCE_END.split(passage) if len(sentence) > _SHORTEST]
    return [squash(sentence)[:_HEAD] for sentence in sentences or [passage]]
