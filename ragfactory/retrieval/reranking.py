"""Reranking: the best candidates of a search, read again together with the query."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.config import Config
    from ragfactory.retrieval.scorers import Scorer


class QueryReranker:
    """The reranker among the models of a machine: in a worker on the coolest card that may do it, or else on the CPU, in this
    process. It is loaded when first needed, stays for further queries, and is let go by `close`.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._opened = ExitStack()
        self._scorer: Scorer | None = None

    @property
    def device(self) -> str | None:
        """Where the latest scores were made; None when there were none yet."""
        return self._scorer.device if self._scorer else None

    def shortcoming(self) -> str | None:
        """Why there is none to be had on this machine, in one line; None when there is one."""
        from ragfactory.embedding.locate import reranker_shortcoming

        return reranker_shortcoming(self._config.models)

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        """The score of each passage, 0 to 1. Raises ModelUnavailableError when the model cannot be had, DeviceUnavailableError when
        no device can do it.
        """
        if self._scorer is None:
            from ragfactory.retrieval.scorers import open_scorer

            self._scorer = self._opened.enter_context(open_scorer(self._config))
        return self._scorer.score(query, passages)

    def take_notes(self) -> tuple[str, ...]:
        """What went wrong with devices since this was asked last, a line each."""
        return self._scorer.take_notes() if self._scorer else ()

    def close(self) -> None:
        """Let go of the model, its memory and its card."""
        self._scorer = None
        self._opened.close()
