"""A reranker on a device: in a worker on one card, or on the CPU, in this process."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from ragfactory import events
from ragfactory.devices import RunDevices
from ragfactory.embedding.locate import resolve_reranker
from ragfactory.embedding.serving import RERANKING_TARGET, pair, score_of, setup_of
from ragfactory.errors import ModelUnavailableError
from ragfactory.fleet.model import CPU, Role
from ragfactory.fleet.work import Item, ItemError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ragfactory.config import Config
    from ragfactory.embedding.catalog import ResolvedModel
    from ragfactory.events import Event

_CHARACTERS_A_TOKEN = 3


class Scorer(Protocol):
    """Scores passages."""

    @property
    def device(self) -> str | None:
        """Where it did so last."""

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        """The score of each passage, 0 to 1. Raises ModelUnavailableError, DeviceUnavailableError."""

    def take_notes(self) -> tuple[str, ...]:
        """What went wrong with devices since this was asked last, a line each."""


@contextmanager
def open_scorer(config: Config) -> Iterator[Scorer]:
    """The reranker of this machine, on the device that is to have it. Raises ModelUnavailableError, DeviceUnavailableError."""
    model = resolve_reranker(config.models)
    heard = _Heard()
    with RunDevices(config, f"search-{os.getpid()}", heard) as devices:
        if devices.coolest(Role.RERANK) is not None:
            yield _OnCard(model, devices, heard)
            return
    yield _OnProcessor(model)


class _OnProcessor:
    """The CPU, in this process: a process of its own would only cost its start."""

    device = CPU

    def __init__(self, model: ResolvedModel) -> None:
        from ragfactory.embedding.reranker import open_reranker

        self._reranker = open_reranker(model)

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        return [float(score) for score in self._reranker.score(query, passages)]

    def take_notes(self) -> tuple[str, ...]:
        return ()


class _OnCard:
    """A worker on one card, as `ragfactory.embedding.serving` has it score; where the card fails, on another or the CPU."""

    def __init__(self, model: ResolvedModel, devices: RunDevices, heard: _Heard) -> None:
        self._name = model.spec.name
        self._longest = model.spec.max_tokens
        self._fleet = devices.fleet(Role.RERANK, RERANKING_TARGET, setup_of(model), alone=True)
        self._heard = heard
        self.take_notes = heard.take_notes

    @property
    def device(self) -> str | None:
        return self._heard.device

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
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


class _Heard:
    """Listens to a fleet: where it worked last, and what went wrong."""

    def __init__(self) -> None:
        self.device: str | None = None
        self._notes: list[str] = []

    def __call__(self, event: Event) -> None:
        match event:
            case events.Worked():
                self.device = event.device
            case events.FellBack():
                self._notes.append(f"reranked on the CPU: {event.reason}")
            case events.WorkerLost() | events.Benched():
                self._notes.append(f"reranking on {event.device}: {event.reason}")

    def take_notes(self) -> tuple[str, ...]:
        notes, self._notes = tuple(dict.fromkeys(self._notes)), []
        return notes
