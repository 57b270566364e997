"""An answer without a language model: the sentences of the passages that hold most of what is asked."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.chunking.boundaries import lines, sentences
from ragfactory.retrieval.answering.model import Sentence
from ragfactory.store.analysis import stems

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ragfactory.retrieval.answering.model import Source

_MOST = 3  # sentences
_SHARE = 0.5  # of what the best sentence has: under that, one is no answer


@dataclass(frozen=True, slots=True)
class _Candidate:
    text: str
    source: int
    words: frozenset[str]


def extract(question: str, sources: Sequence[Source]) -> tuple[Sentence, ...]:
    """At most three sentences, or lines of tables, that share most words with the question; none where none shares any.

    A word weighs by how few of the sentences have it. They come in the passages' order; of the same text, the first counts.
    """
    candidates = list({c.text: c for source in reversed(sources) for c in _candidates(question, source)}.values())[::-1]
    held_by = Counter(word for candidate in candidates for word in candidate.words)
    scores = [sum(math.log1p(len(candidates) / held_by[w]) for w in c.words) for c in candidates]
    least = _SHARE * max(scores, default=0.0)
    ranked = sorted((i for i, score in enumerate(scores) if score and score >= least), key=lambda i: -scores[i])
    best = [candidates[i] for i in sorted(ranked[:_MOST])]
    return tuple(Sentence(candidate.text, (candidate.source,)) for candidate in best)


def _candidates(question: str, source: Source) -> Iterator[_Candidate]:
    """The sentences of a passage, last first, with those words of the question that each has."""
    language = [source.hit.chunk.language or ""]
    wanted = stems(question, language)
    spans = [span for line in lines(source.text, 0, len(source.text)) for span in sentences(source.text, *line)]
    for start, end in reversed(spans):
        text = source.text[start:end].strip()
        if text:
            yield _Candidate(text, source.n, frozenset(wanted & stems(text, language)))
