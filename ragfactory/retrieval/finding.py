"""What is found for a query: the passages, spread over documents where that was asked, and what stands around each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ragfactory.retrieval.diverse import spread
from ragfactory.retrieval.surroundings import surroundings

if TYPE_CHECKING:
    from ragfactory.retrieval.results import SearchResult
    from ragfactory.retrieval.search import Searcher
    from ragfactory.retrieval.surroundings import Reach, Surroundings


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search, and for each of its hits what stands around it; nothing where that was not asked for."""

    result: SearchResult
    around: tuple[Surroundings, ...] = ()


def found_of(
    searcher: Searcher, result: SearchResult, *, top_k: int, diverse: bool = False, reach: Reach | None = None
) -> Found:
    """The first `top_k` of a result, with `diverse` those of as many documents as there are, and what each `reach`es to."""
    hits = spread(result.hits, top_k) if diverse else result.hits[:top_k]
    around = [] if reach is None else [surroundings(searcher.version(hit.index), hit.at, reach) for hit in hits]
    return Found(replace(result, hits=hits), tuple(around))
