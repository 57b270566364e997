"""Reranking: the best candidates of a search, read again together with the query."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from ragfactory import events
from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.config import Config
    from ragfactory.devices import RunDevices
    from ragfactory.embedding.catalog import ResolvedModel
    from ragfactory.events import Event

_CHARACTERS_A_TOKEN = 3


class _Scorer(Protocol):
    """Scores passages on one device."""

    def score(self, query: str, passages: Sequence[str]) -> list[float]: ...


class QueryReranker:
    """The reranker among the models of a machine: in a worker on the coolest card that may do it, or else on the CPU, in this
    process. It is loaded when first needed, stays for further queries, and is let go by `close`.

    `device` is where the latest scores were made.
    """

    def __init__(self, config: Config) -> None:
        self.device: str | None = None
        self._config = config
        self._opened = ExitStack()
        self._scorer: _Scorer | None = None
        self._notes: list[str] = []

    def shortcoming(self) -> str | None:
        """Why there is none to be had on this machine, in one line; None when there is one."""
        from ragfactory.embedding.locate import resolve_reranker

        try:
            resolve_reranker(self._config.models)
        except ModelUnavailableError as error:
            return error.message
        return None

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        """The score of each passage, 0 to 1. Raises ModelUnavailableError when the model cannot be had, DeviceUnavailableError when
        no device can do it.
        """
        if self._scorer is None:
            self._scorer = self._open()
        return self._scorer.score(query, passages)

    def take_notes(self) -> tuple[str, ...]:
        """What went wrong with devices since this was asked last, a line each."""
        notes, self._notes = tuple(dict.fromkeys(self._notes)), []
        return notes

    def close(self) -> None:
        """Let go of the model, its memory and its card."""
        self._scorer = None
        self._opened.close()

    def _open(self) -> _Scorer:
        from ragfactory.devices import RunDevices
        from ragfactory.embedding.locate import resolve_reranker
        from ragfactory.fleet.model import CPU, Role

        model = resolve_reranker(self._config.models)
        with ExitStack() as opened:
            devices = opened.enter_context(RunDevices(self._config, f"search-{os.getpid()}", self._hear))
            if devices.coolest(Role.RERANK) is not None:
                self._opened = opened.pop_all()
                return _OnCard(model, devices)
        self.device = CPU
        return _OnProcessor(model)

    def _hear(self, event: Event) -> None:
        match event:
            case events.Worked():
                self.device = event.device
            case events.FellBack():
                self._notes.append(f"reranked on the CPU: {event.reason}")
            case events.WorkerLost() | events.Benched():
                self._notes.append(f"reranking on {event.device}: {event.reason}")


class _OnProcessor:
    """The CPU, in this process: a process of its own would only cost its start."""

    def __init__(self, model: ResolvedModel) -> None:
        from ragfactory.embedding.reranker import open_reranker

        self._reranker = open_reranker(model)

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        return [float(score) for score in self._reranker.score(query, passages)]


class _OnCard:
    """A worker on one card, as `ragfactory.embedding.serving` has it score; where the card fails, on another or the CPU."""

    def __init__(self, model: ResolvedModel, devices: RunDevices) -> None:
        from ragfactory.embedding.serving import RERANKING_TARGET, setup_of
        from ragfactory.fleet.model import Role

        self._name = model.spec.name
        self._longest = model.spec.max_tokens
        self._fleet = devices.fleet(Role.RERANK, RERANKING_TARGET, setup_of(model), alone=True)

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        from ragfactory.embedding.serving import pair, score_of
        from ragfactory.fleet.work import Item, ItemError

        items = [Item(str(n), self._tokens(query, passage), pair(query, passage)) for n, passage in enumerate(passages)]
        scores = []
        for answer in self._fleet.map(items):
            if isinstance(answer, ItemError):
                raise ModelUnavailableError(
                    f"{self._name} could not score a passage: {answer.message}", hint="search with --no-rerank"
                )
            scores.append(score_of(answer))
        return scores

    def _tokens(self, query: str, passage: str) -> int:
        """About how many tokens a pair has: enough to share work out by."""
        return min((len(query) + len(passage)) // _CHARACTERS_A_TOKEN + 1, self._longest)
