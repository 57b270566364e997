"""What full text finds in the open versions of some indexes, and the best of several wordings of a query."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from ragfactory.store.layout import IndexName
    from ragfactory.store.lexical import RowIds
    from ragfactory.store.version import Version

    Row: TypeAlias = tuple[IndexName, int]  # a row of an index, by its id
    Scores: TypeAlias = dict[Row, float]
    Found: TypeAlias = dict[Row, "Best"]
    Narrowing: TypeAlias = dict[str, RowIds]  # what full text is told of the rows to look among

Part = TypeVar("Part")

# So that the user's own words come first among equals; docs/explanation/retrieval-quality.md has what it was measured by.
_REWRITTEN = 0.95  # of its BM25 is what a passage gets for a rewriting
_BEHIND = 0.02  # is taken off its cosine there


@dataclass(frozen=True, slots=True)
class Best:
    """The best score of a row among several wordings of a query, and the wording that it comes from."""

    score: float
    wording: str


def best_wording(found: Iterable[tuple[str, Scores]], lower: Callable[[Scores, float], Scores]) -> Found:
    """For each row its best score under any of the wordings; of equal ones the first, which is the query itself.

    Scores of different wordings do not compare: a rarer word, or a sentence in two languages, is not a better answer. So those of a
    rewriting are brought under the best that the query itself found, if it found anything, by `lower`.
    """
    best: Found = {}
    own_best: float | None = None
    for number, (wording, scores) in enumerate(found):
        if number == 0:
            own_best = max(scores.values(), default=None)
        lowered = lower(scores, own_best) if number and scores and own_best is not None else scores
        for row, score in lowered.items():
            if row not in best or score > best[row].score:
                best[row] = Best(score, wording)
    return best


def lower_bm25(scores: Scores, best: float) -> Scores:
    """BM25 scores, all over 0, in proportion to each other, the highest a little under `best`."""
    factor = _REWRITTEN * min(1.0, best / max(scores.values()))
    return {row: factor * score for row, score in scores.items()}


def lower_cosines(scores: Scores, best: float) -> Scores:
    """Cosines at the same distances from each other, the highest a little under `best`."""
    down = _BEHIND + max(0.0, max(scores.values()) - best)
    return {row: score - down for row, score in scores.items()}


def find_by_words(
    versions: Mapping[IndexName, Version],
    query: str,
    depth: int,
    languages: Sequence[str],
    narrowings: Mapping[IndexName, Narrowing],
) -> Scores:
    """The `depth` rows of each index that match the words of `query` best, with their BM25 scores."""
    statistics = [version.lexical.statistics(query, languages) for version in versions.values()]
    overall = reduce(add, statistics)

    def of_index(name: IndexName) -> Scores:
        hits = versions[name].lexical.search(query, depth, languages, overall, **narrowings.get(name, {}))
        return {(name, hit.row): hit.score for hit in hits}

    return find_at_once(of_index, list(versions))


def find_at_once(find: Callable[[Part], Scores], parts: Collection[Part]) -> Scores:
    """What `find` finds in all of the parts, each in a thread: tantivy and FAISS leave the interpreter to others meanwhile, and
    search a part for one query in one thread.
    """
    if len(parts) > 1:
        with ThreadPoolExecutor(min(len(parts), os.cpu_count() or 1)) as threads:
            of_parts = list(threads.map(find, parts))
    else:
        of_parts = [find(part) for part in parts]
    return {row: score for scores in of_parts for row, score in scores.items()}
