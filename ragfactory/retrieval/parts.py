"""The two parts of the hybrid: what full text and what vectors find in the open versions of some indexes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ragfactory.retrieval.filters import matching_rows, refuse_unknown_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ragfactory.retrieval.filters import Condition, Mask
    from ragfactory.store.documents import Identity
    from ragfactory.store.layout import IndexName
    from ragfactory.store.lexical import RowIds
    from ragfactory.store.vectors import Matrix
    from ragfactory.store.version import Version

    Row: TypeAlias = tuple[IndexName, int]  # a row of an index, by its id
    Scores: TypeAlias = dict[Row, float]
    Found: TypeAlias = dict[Row, "Best"]


@dataclass(frozen=True, slots=True)
class Best:
    """The best score of a row among several wordings of a query, and the wording that it comes from."""

    score: float
    wording: str


def best_wording(found: Iterable[tuple[str, Scores]]) -> Found:
    """For each row its best score under any of the wordings; of equal ones the first."""
    best: Found = {}
    for wording, scores in found:
        for row, score in scores.items():
            if row not in best or score > best[row].score:
                best[row] = Best(score, wording)
    return best


def rows_among(
    versions: Mapping[IndexName, Version],
    filters: Sequence[Condition],
    within: Mapping[IndexName, Collection[Identity]] | None,
) -> dict[IndexName, Mask]:
    """The rows to look among, by row id: those that stand where all filters hold, in a document `within` these where there are any
    given. Of no index when all rows that count are meant.

    Raises UsageError for a filter whose key is unknown or whose value is not of the key's kind.
    """
    if not filters and within is None:
        return {}
    refuse_unknown_keys(filters, versions.values())
    return {
        name: matching_rows(version, filters, within=None if within is None else within[name])
        for name, version in versions.items()
    }


def find_by_words(
    versions: Mapping[IndexName, Version],
    query: str,
    depth: int,
    languages: Sequence[str],
    among: Mapping[IndexName, Mask],
) -> Scores:
    """The `depth` rows of each index that match the words of `query` best, with their BM25 scores."""
    statistics = [version.lexical.statistics(query, languages) for version in versions.values()]
    overall = reduce(add, statistics)
    found: Scores = {}
    for name, version in versions.items():
        narrowing = _narrowing(version, among[name]) if name in among else {}
        hits = version.lexical.search(query, depth, languages, overall, **narrowing)
        found |= {(name, hit.row): hit.score for hit in hits}
    return found


def find_by_vector(
    versions: Mapping[IndexName, Version],
    vectors: Mapping[str, Matrix],
    depth: int,
    among: Mapping[IndexName, Mask],
    found_by_words: Iterable[Row],
    *,
    exact: bool,
) -> Scores:
    """The `depth` nearest rows of each segment, and what was found by words: that gets its dense score too, so that fusion
    compares like with like. `vectors` are the query's, by the fingerprint of the embedder.
    """
    found: Scores = {}
    for name, version in versions.items():
        vector = vectors[version.manifest.embedder.fingerprint]
        located = [version.locate(row_id) for index, row_id in found_by_words if index == name]
        for number, segment in version.segments.items():
            known = np.array([row for other, row in located if other == number], dtype=np.int64)
            live = segment.live & among[name][segment.ids] if name in among else segment.live
            scores, nearest = segment.vectors.search(vector, depth, live, exact=exact)
            for rows, of_rows in ((known, segment.vectors.scores(vector, known)), (nearest, scores)):
                ids = segment.ids[rows].tolist()
                found |= {(name, row_id): score for row_id, score in zip(ids, of_rows.tolist(), strict=True)}
    return found


def _narrowing(version: Version, matching: Mask) -> dict[str, RowIds]:
    """What full text is told of the rows to look among: their ids, or those of all other rows when they are fewer."""
    others = np.zeros_like(matching)
    for segment in version.segments.values():
        others[segment.ids[segment.live]] = True
    others &= ~matching
    if matching.sum() <= others.sum():
        return {"only": np.flatnonzero(matching)}
    return {"without": np.flatnonzero(others)}
