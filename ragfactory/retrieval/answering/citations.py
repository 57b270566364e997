"""An answer taken apart into sentences, and each sentence's citations held against the passages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ragfactory.chunking.boundaries import lines, sentences
from ragfactory.retrieval.answering.model import Sentence
from ragfactory.store.analysis import stems
from ragfactory.store.notation import numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ragfactory.retrieval.answering.model import Source

_CITATION = re.compile(r"\s*\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]")
_MARKS_FIRST = re.compile(rf"(?:{_CITATION.pattern})+[.\s]*")
_NUMBER = re.compile(r"\d+")
_BULLET = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+")


def cited_sentences(answer: str, sources: Sequence[Source], language: str) -> tuple[Sentence, ...]:
    """The sentences of an answer in `language`, each with those of its citations that hold.

    A citation holds where there is such a passage and the two share a word that is no stop word. All citations of a sentence are
    dropped where it has a number, in whatever notation, that none of these passages has. A sentence that is left without a
    citation stays, and its sources are empty.
    """
    by_number = {source.n: source for source in sources}
    return tuple(Sentence(text, _holding(text, cited, by_number, language)) for text, cited in _pieces(answer))


def _pieces(answer: str) -> Iterator[tuple[str, list[int]]]:
    """Each sentence without its marks, and the numbers in them. Marks after a full stop belong to what is before it."""
    text, cited = "", [0]
    for line in lines(answer, 0, len(answer)):
        for start, end in sentences(answer, *line):
            piece = answer[start:end]
            if text and (marks := _MARKS_FIRST.match(piece)):
                cited += _numbers_in(marks[0])
                piece = piece[marks.end() :]
            if not piece.strip():
                continue
            if text:
                yield text, cited
            text, cited = _without_marks(piece), _numbers_in(piece)
    if text:
        yield text, cited


def _numbers_in(piece: str) -> list[int]:
    return [int(n) for marks in _CITATION.findall(piece) for n in _NUMBER.findall(marks)]


def _without_marks(piece: str) -> str:
    return _BULLET.sub("", _CITATION.sub("", piece)).strip()


def _holding(text: str, cited: Iterable[int], sources: Mapping[int, Source], language: str) -> tuple[int, ...]:
    there = [sources[n] for n in dict.fromkeys(cited) if n in sources]
    holding = [source for source in there if _shares_a_word(text, source, language)]
    said = frozenset[str]().union(*(read for source in holding for each in numbers(source.text) for read in each))
    if not all(any(reading <= said for reading in readings) for readings in numbers(text)):
        return ()
    return tuple(source.n for source in holding)


def _shares_a_word(text: str, source: Source, language: str) -> bool:
    """Whether some word is in both, whichever language's stop words and endings are taken off: the answer's, the passage's."""
    languages = {language, source.hit.chunk.language or language}
    return all(stems(text, [each]) & stems(source.text, [each]) for each in languages)
