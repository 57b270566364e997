"""Reranking: the best candidates of a search, read again together with the query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ragfactory.embedding.reranker import Reranker


class QueryReranker:
    """The reranker among the models of a folder. It is loaded when first needed, and let go by `close`."""

    def __init__(self, models: Path) -> None:
        self._models = models
        self._opened: Reranker | None = None

    def shortcoming(self) -> str | None:
        """Why there is none to be had on this machine, in one line; None when there is one."""
        from ragfactory.embedding.locate import resolve_reranker

        try:
            resolve_reranker(self._models)
        except ModelUnavailableError as error:
            return error.message
        return None

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        """The score of each passage, 0 to 1. Raises ModelUnavailableError when the model cannot be had."""
        if self._opened is None:
            from ragfactory.embedding.locate import resolve_reranker
            from ragfactory.embedding.reranker import open_reranker

            self._opened = open_reranker(resolve_reranker(self._models))
        return [float(score) for score in self._opened.score(query, passages)]

    def close(self) -> None:
        """Let go of the model and its memory."""
        self._opened = None
