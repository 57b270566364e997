"""From a question and what was found for it to an answer."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from ragfactory.context.answers import without_thoughts
from ragfactory.errors import ModelUnavailableError
from ragfactory.retrieval.answering.citations import cited_sentences
from ragfactory.retrieval.answering.extraction import extract
from ragfactory.retrieval.answering.model import Answer, Source
from ragfactory.retrieval.answering.prompting import (
    language_of_question,
    prompt_for,
    says_nothing_was_found,
    wording,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragfactory.retrieval.answering.writing import AnswerWriter
    from ragfactory.retrieval.finding import Found

_THINKS = "<think>"


def sources_of(found: Found) -> tuple[Source, ...]:
    """The passages that were found, numbered from 1, each with what stands around it where that was asked for."""
    pairs = zip_longest(found.result.hits, found.around)
    return tuple(
        Source(n, hit, around.text if around else hit.chunk.text) for n, (hit, around) in enumerate(pairs, start=1)
    )


def extracted(question: str, sources: Sequence[Source]) -> Answer:
    """The answer in the words of the passages. Where none of their sentences is one, they may hold it in other words: that it is
    not in the documents is said only where nothing at all was found.
    """
    language = language_of_question(question, sources)
    words = wording(language)
    absent = words.unanswered if sources else words.absent
    return Answer(question, extract(question, sources, language), tuple(sources), "extract", absent, words.nearest)


def written(question: str, sources: Sequence[Source], writer: AnswerWriter, listen: Callable[[str], None]) -> Answer:
    """The answer that a language model writes, its citations checked; `listen` gets what it writes as it comes, unchecked.

    What a model thinks aloud before it answers is left out. Raises ModelUnavailableError.
    """
    language = language_of_question(question, sources)
    text = writer.write(prompt_for(question, sources, language, writer.room), _Telling(listen))
    answer = without_thoughts(text)
    if not answer:
        raise ModelUnavailableError("the language model wrote no answer", hint="choose another one, or --by extract")
    sentences = () if says_nothing_was_found(answer) else cited_sentences(answer, sources, language)
    words = wording(language)
    return Answer(question, sentences, tuple(sources), writer.by, words.absent, words.nearest, writer.device)


class _Telling:
    """Tells pieces of an answer on, but for what a model thinks aloud before it."""

    def __init__(self, listen: Callable[[str], None]) -> None:
        self._listen = listen
        self._came = ""
        self._told = 0

    def __call__(self, piece: str) -> None:
        """Take a piece."""
        self._came += piece
        begun = self._came.lstrip()
        if len(begun) < len(_THINKS) and _THINKS.startswith(begun):
            return
        shown = without_thoughts(self._came)
        if len(shown) > self._told:
            self._listen(shown[self._told :])
            self._told = len(shown)
