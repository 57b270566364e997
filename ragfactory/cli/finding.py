"""Finding passages as `search` and `ask` do: what their options say, put to a searcher."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragfactory.retrieval.finding import Found
    from ragfactory.retrieval.search import Searcher


class Find(Protocol):
    """Finds passages for a query; `more` goes to `Searcher.search` as it is."""

    def __call__(self, searcher: Searcher, query: str, **more: Any) -> Found: ...


def finder(
    top_k: int,
    mode: str,
    filters: Iterable[str] | None,
    *,
    rerank: bool | None,
    diverse: bool,
    expand_hits: str | None,
) -> Find:
    """What finds passages as the options say; called before anything imports NumPy. Raises UsageError for a filter or a reach that
    is none.
    """
    # Read when NumPy is first imported. A query is too small to share out, and threads spin while they wait for a busy core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ragfactory.retrieval.diverse import wide
    from ragfactory.retrieval.filters import parse_filter
    from ragfactory.retrieval.finding import found_of
    from ragfactory.retrieval.results import Mode
    from ragfactory.retrieval.surroundings import parse_reach

    conditions = [parse_filter(text) for text in filters or ()]
    reach = None if expand_hits is None else parse_reach(expand_hits)
    depth = wide(top_k) if diverse else top_k

    def find(searcher: Searcher, query: str, **more: Any) -> Found:
        result = searcher.search(query, top_k=depth, mode=Mode(mode), filters=conditions, rerank=rerank, **more)
        return found_of(searcher, result, top_k=top_k, diverse=diverse, reach=reach)

    return find
