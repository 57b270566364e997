"""One search after another: in the version that serves by now, and from memory what was asked before."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from ragfactory.retrieval.reranking import QueryReranker
from ragfactory.retrieval.search import Searcher
from ragfactory.store.layout import IndexPaths, find_indexes

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.config import Config
    from ragfactory.retrieval.finding import Found
    from ragfactory.store.layout import IndexName

_REMEMBERED = 256  # answers


class LiveSearch:
    """The indexes of a project, opened anew when one has another version or other settings, with every model that stays warm.

    `find` does one search. What it found is remembered for the last 256 different queries, until an index changes, unless something
    failed that may pass; memory ends with this object.
    """

    def __init__(self, config: Config, document_type: str | None, find: Callable[[Searcher, str], Found]) -> None:
        """Open the indexes. Raises what `Searcher.open` raises."""
        self._config = config
        self._document_type = document_type
        self._find = find
        self._memory: OrderedDict[str, Found] = OrderedDict()
        self._serving = self._look()
        self._reranker = QueryReranker(config)
        self.searcher = Searcher.open(config, document_type, reranker=self._reranker)

    def search(self, query: str) -> Found:
        """What `find` finds now. An answer from memory has the timings `memory` and `total` alone, in milliseconds.

        Raises what `find` raises, and what `Searcher.open` raises where an index changed.
        """
        self._follow()
        started = time.perf_counter()
        if found := self._memory.get(query):
            self._memory.move_to_end(query)
            took = round(1000 * (time.perf_counter() - started), 2)
            return replace(found, result=replace(found.result, timings_ms={"memory": took, "total": took}))
        found = self._find(self.searcher, query)
        if found.result.degraded:
            return found
        self._memory[query] = found
        if len(self._memory) > _REMEMBERED:
            self._memory.popitem(last=False)
        return found

    def close(self) -> None:
        """Close the indexes, and let go of the reranker."""
        self.searcher.close()
        self._reranker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _follow(self) -> None:
        """Open the indexes anew, and forget, when something else serves than when they were opened."""
        serving = self._look()
        if serving == self._serving:
            return
        opened = Searcher.open(self._config, self._document_type, reranker=self._reranker)
        self.searcher.close()
        self.searcher, self._serving = opened, serving
        self._memory.clear()

    def _look(self) -> dict[IndexName, tuple[int | None, int]]:
        """Which version of each index serves, and when its settings were written."""
        config = self._config
        names = find_indexes(
            config.indexes, tenant=config.tenant, project=config.project, document_type=self._document_type
        )
        places = {name: IndexPaths.of(config.indexes, name) for name in names}
        return {name: (paths.current_number(), _written(paths)) for name, paths in places.items()}


def _written(paths: IndexPaths) -> int:
    """When an index's settings were written, in nanoseconds; 0 where it has none."""
    try:
        return paths.settings.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
