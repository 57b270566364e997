"""An answer without a language model: what the passages state that holds most of what is asked."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ragfactory.retrieval.answering.model import Sentence
from ragfactory.retrieval.answering.statements import statements
from ragfactory.store.analysis import LANGUAGES, analyzer, compound_parts, stems
from ragfactory.store.compounds import LANGUAGES as COMPOUNDING
from ragfactory.store.function_words import function_words
from ragfactory.store.notation import one_notation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ragfactory.retrieval.answering.model import Source
    from ragfactory.retrieval.answering.statements import Statement

_MOST = 3  # statements
_SHARE = 0.6  # of what the best one has: under that, one is no answer
_LEAST = 1.25  # words of the question that an answer has, where it has so many: one, and a part of another
_NAMED = 3.0  # words weighs a name or number of the question that an answer lacks
_AROUND = 0.5  # of a word counts in the choice, where what a statement stands under has it, and not the statement
_COVERED = 0.45  # of what the question's words weigh: under that, a statement is no answer
_NAME = 0.5  # of a word weighs a name or number in the choice: the firm's and the year's stand everywhere
_HEAD = 0.5  # of a word counts the last part of a compound, which says what it is
_SHARED = 0.25  # of a word counts any other part, which is no more than a hint
_SHORTEST = 4  # letters of a word that another ends with
_SHORT = 2  # letters of a word that tells nothing, unless it is a name
_UNTELLING = frozenset({"per"})  # beside the function words of a language
_YEAR = re.compile(r"\b(?<![.,])(?:19|20)\d\d\b")
_WORD = re.compile(r"\d+\.\d+|\w+")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A telling word of the question: whether it is a name or a number, and of these a year."""

    word: str
    is_named: bool
    is_year: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A statement with how much of each word of the question it has (0 to 1): in itself, and with what it stands under."""

    statement: Statement
    source: int
    own: tuple[float, ...]
    whole: tuple[float, ...]


def extract(question: str, sources: Sequence[Source], language: str) -> tuple[Sentence, ...]:
    """At most three statements of the passages that share most words with a question in `language`; none where none shares
    enough.

    Enough is half of the telling words, and more than one of them where there are more, since one alone stands in many a passage by
    chance; and of what the words weigh, by how few of the statements have them, a share that common words alone do not reach. A
    part of a compound counts for less than the word, and for nothing where some statement has the word. A name or number that
    nothing found of the document has counts as three words that are lacking, and without a year of the question there is no
    answer. They come in the passages' order; of the same text, the first counts.
    """
    asked = _telling(question, language)
    documents: dict[str, str] = {}
    for source in sources:
        documents[source.hit.at.doc_id] = f"{documents.get(source.hit.at.doc_id, '')}\n{source.text}"
    by_text: dict[str, _Candidate] = {}
    for source in sources:
        for candidate in _candidates(asked, source, documents[source.hit.at.doc_id]):
            by_text.setdefault(candidate.statement.text, candidate)
    candidates = _by_the_word_itself(list(by_text.values()))
    weights = _weights(asked, candidates)
    scores = [_score(weights, candidate) for candidate in candidates]
    enough = [i for i, each in enumerate(candidates) if scores[i] and _is_enough(asked, weights, each)]
    ranked = sorted(enough, key=lambda i: -scores[i])
    best = [i for i in ranked[:_MOST] if scores[i] >= _SHARE * scores[ranked[0]]]
    chosen = [candidates[i] for i in sorted(best)]
    return tuple(Sentence(each.statement.text, (each.source,), each.statement.quote) for each in chosen)


def _by_the_word_itself(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Without parts of words that some statement has whole: there, the part is of something else."""
    is_said = [1.0 in shares for shares in zip(*(candidate.own for candidate in candidates), strict=True)]

    def left(shares: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(0.0 if said and share < 1 else share for said, share in zip(is_said, shares, strict=True))

    return [replace(each, own=left(each.own), whole=left(each.whole)) for each in candidates]


def _weights(asked: Sequence[_Asked], candidates: Sequence[_Candidate]) -> list[float]:
    """The inverse document frequency of each word, as in BM25, over the statements, and of a name or number a part of it. A word
    that none has weighs no more than one that stands in one: it may be another word for what the documents say.
    """
    having = [max(1, sum(candidate.own[i] > 0 for candidate in candidates)) for i in range(len(asked))]
    rarity = (math.log(1 + (len(candidates) - n + 0.5) / (n + 0.5)) for n in having)
    return [_NAME * each if word.is_named else each for each, word in zip(rarity, asked, strict=True)]


def _score(weights: Sequence[float], candidate: _Candidate) -> float:
    if not any(candidate.own):
        return 0.0
    held = (max(own, _AROUND * whole) for own, whole in zip(candidate.own, candidate.whole, strict=True))
    return sum(weight * share for weight, share in zip(weights, held, strict=True))


def _is_enough(asked: Sequence[_Asked], weights: Sequence[float], candidate: _Candidate) -> bool:
    """Whether a statement has, with what it stands under, enough of what is asked: of the words, and of their weight. Names and
    numbers that are there count for nothing: the firm's and the year's stand everywhere.
    """
    if _score(weights, candidate) < _COVERED * sum(weights):
        return False
    pairs = list(zip(asked, candidate.whole, strict=True))
    lacking = [each for each, share in pairs if each.is_named and share <= _SHARED]
    if any(each.is_year for each in lacking):
        return False
    words = [share for each, share in pairs if not each.is_named]
    return sum(words) >= max((len(words) + _NAMED * len(lacking)) / 2, min(len(words), _LEAST))


def _telling(question: str, language: str) -> list[_Asked]:
    """The words of a question that tell what it asks for, each once."""
    words = _WORD.findall(one_notation(question))
    years = set(_YEAR.findall(question))  # as it is written there: "2,000" is none
    months = {b for a, b, c in zip(words, words[1:], words[2:], strict=False) if a.isdigit() and c in years}
    known = function_words(language) | _UNTELLING
    telling: dict[str, _Asked] = {}
    for n, word in enumerate(words):
        key = word.casefold()
        # A question begins with a capital, and in German every noun does.
        is_name = (n > 0 and word[0].isupper() and language != "de") or word in months
        if key in known or not stems(key, [language]) or (len(key) <= _SHORT and key.isalpha() and not is_name):
            continue
        telling.setdefault(key, _Asked(key, is_name or word[0].isdigit(), key in years))
    return list(telling.values())


def _candidates(asked: Sequence[_Asked], source: Source, document: str) -> Iterator[_Candidate]:
    """What a passage states. A name or number may stand anywhere in `document`, what was found of it."""
    chunk, at = source.hit.chunk, source.hit.at
    language = chunk.language or ""
    around = stems("\n".join((at.doc_id, chunk.context, *at.place.headings)), [language])
    named = around | stems(document, [language])
    for statement in statements(source.text, at.place.headings):
        own = stems(f"{statement.question}\n{statement.text}", [language])
        whole = own | around | stems(statement.heading, [language])
        yield _Candidate(
            statement,
            source.n,
            tuple(_held(each.word, own, language) for each in asked),
            tuple(_held(each.word, own | named if each.is_named else whole, language) for each in asked),
        )


def _held(word: str, words: set[str], language: str) -> float:
    """How much of `word` there is among stemmed words, which have the parts of compounds among them: all of it, the head of a
    compound, another part, or nothing.
    """
    whole, heads, others = _forms(word, language)
    if not words.isdisjoint(whole):
        return 1.0
    if not words.isdisjoint(heads):
        return _HEAD
    if language not in COMPOUNDING:
        return 0.0
    if any(_joins(own, other, str.endswith) for own in whole for other in words):
        return _HEAD
    shares = not words.isdisjoint(others) or any(_joins(own, other, str.startswith) for own in whole for other in words)
    return _SHARED if shares else 0.0


@lru_cache(1024)  # a question has few words, and each is looked for in every statement
def _forms(word: str, language: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """A word as the index of a language has it, and so the head of a compound, and its other parts."""
    spoken = analyzer(language if language in LANGUAGES else None)
    parts = compound_parts(word, language)
    heads = {stem for part in parts if word.endswith(part) for stem in spoken.analyze(part)}
    others = {stem for part in parts for stem in spoken.analyze(part)}
    return frozenset(spoken.analyze(word)), frozenset(heads), frozenset(others - heads)


def _joins(word: str, other: str, has: Callable[[str, str], bool]) -> bool:
    """Whether one is a compound that is in no list, with the other at that end of it."""
    shorter, longer = sorted((word, other), key=len)
    return len(shorter) >= _SHORTEST and has(longer, shorter)
