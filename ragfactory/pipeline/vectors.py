"""Vectors for the texts of a run: made by all cards that may work, or by the CPU, in this process, where it is the only device."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from ragfactory import events
from ragfactory.embedding.serving import TARGET, setup_of, vectors_of
from ragfactory.embedding.tokenizer import Tokenizer
from ragfactory.fleet.cards import Cards
from ragfactory.fleet.driver import open_driver
from ragfactory.fleet.leases import machine_wide
from ragfactory.fleet.model import CPU, Role
from ragfactory.fleet.policy import Policy
from ragfactory.fleet.process import Job
from ragfactory.fleet.scheduler import Fleet
from ragfactory.fleet.work import Item, ItemError
from ragfactory.store.durable import make_private_dirs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ragfactory.config import Config
    from ragfactory.embedding.catalog import ResolvedModel
    from ragfactory.embedding.model import Embedder
    from ragfactory.events import Listener
    from ragfactory.store.vectors import Matrix

LOCAL_BATCH = 128  # texts a call: enough to sort by length, few enough that a killed run loses little
CARD_BATCH = 256  # texts a card: enough that all cards finish together


@dataclass(frozen=True, slots=True)
class Text:
    """A passage to embed, and the document that it comes from."""

    text: str
    document: str


@dataclass(frozen=True, slots=True)
class Made:
    """Some of the vectors that were asked for: those of the texts at `positions`, `(n, d)` float32, and by position why others
    cannot be made.
    """

    positions: Sequence[int]
    vectors: Matrix
    failed: Mapping[int, str]


class _Maker(Protocol):
    """Makes vectors with one model. `batch` is how many texts it should get at once."""

    batch: int

    def make(self, texts: Sequence[Text]) -> Iterator[Made]: ...

    def rest(self) -> None: ...

    def close(self) -> None: ...


class VectorMaker:
    """Makes vectors on the devices that `config.fleet` lets work; models are loaded when they are first needed.

    It is used by one thread. What becomes of the work is told to `emit`.
    """

    def __init__(self, config: Config, run_id: str, emit: Listener) -> None:
        """Raises UsageError when `fleet.devices` cannot be read, DeviceUnavailableError when a card of it is not there."""
        self._config = config
        self._run_id = run_id
        self._emit = emit
        self._policy = Policy(config.fleet)
        self._makers: dict[str, _Maker] = {}
        with ExitStack() as stack:
            self._driver = stack.enter_context(open_driver())
            if self._policy.devices.cards:
                self._policy.devices.require(self._driver.look())
            self._cards = stack.enter_context(Cards(self._driver, self._policy, run_id, machine_wide()))
            self._stack = stack.pop_all()

    def batch(self, model: ResolvedModel) -> int:
        """How many texts to ask for at once, so that no device waits for another."""
        return self._maker(model).batch

    def make(self, model: ResolvedModel, texts: Sequence[Text]) -> Iterator[Made]:
        """The vectors of passages, some at a time as they come; every text is in one of the parts.

        Raises ModelUnavailableError when the model cannot be loaded, DeviceUnavailableError when no device can do the work.
        """
        return self._maker(model).make(texts)

    def rest(self) -> None:
        """Learn that there is no work for now. Unless the configuration has them stay, models leave the cards."""
        for maker in self._makers.values():
            maker.rest()

    def close(self) -> None:
        """End all workers and give up all cards."""
        for maker in self._makers.values():
            maker.close()
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _maker(self, model: ResolvedModel) -> _Maker:
        key = str(model.path)
        if key not in self._makers:
            self._emit(events.Notice(model.note))
            self.rest()  # a card that two models would share may be too small for them
            self._makers[key] = self._open(model)
        return self._makers[key]

    def _open(self, model: ResolvedModel) -> _Maker:
        *cards, cpu = self._cards.judge(Role.EMBED)
        if cpu.eligible:  # no card could ever do it: a process for the CPU alone would only cost its start
            from ragfactory.embedding.engine import open_embedder

            return _OneProcessor(open_embedder(model, device=CPU), self._emit)
        return _ManyDevices(model, self._fleet(model), self._emit, cards=len(cards), unload=self._unloads)

    def _fleet(self, model: ResolvedModel) -> Fleet:
        settings = self._config.fleet
        make_private_dirs(self._config.logs)
        _, _, idle_s = settings.unload.partition(":")
        log = self._config.logs / "workers.log"
        job = Job(TARGET, setup_of(model), self._run_id, log, idle_s=float(idle_s) if idle_s else None)
        return Fleet(job, self._cards, self._emit, check_s=settings.check_s, cool_down_s=settings.cool_down_s)

    @property
    def _unloads(self) -> bool:
        return self._config.fleet.unload == "immediate"


class _OneProcessor:
    """The CPU, in this process."""

    def __init__(self, embedder: Embedder, emit: Listener) -> None:
        self.batch = LOCAL_BATCH
        self._embedder = embedder
        self._emit = emit

    def make(self, texts: Sequence[Text]) -> Iterator[Made]:
        for first in range(0, len(texts), self.batch):
            some = texts[first : first + self.batch]
            started = time.perf_counter()
            encoded = self._embedder.encode([text.text for text in some])
            seconds = time.perf_counter() - started
            yield Made(range(first, first + len(some)), encoded.vectors, {})
            self._emit(events.Worked(CPU, Role.EMBED, len(some), encoded.tokens, seconds))
            self._emit(events.Embedded(len(some), encoded.tokens, encoded.windowed, seconds))

    def rest(self) -> None:
        """Nobody waits for its memory."""

    def close(self) -> None:
        """It goes with this process."""


class _ManyDevices:
    """A fleet whose workers serve `model`, as `ragfactory.embedding.serving` has them do. With `unload` they leave when there is
    no work.
    """

    def __init__(self, model: ResolvedModel, fleet: Fleet, emit: Listener, *, cards: int, unload: bool) -> None:
        self.batch = CARD_BATCH * cards
        self._spec = model.spec
        self._tokenizer = Tokenizer(model.path / "tokenizer.json")
        self._fleet = fleet
        self._emit = emit
        self._unload = unload

    def make(self, texts: Sequence[Text]) -> Iterator[Made]:
        prefix = self._spec.passage_prefix
        windows = self._tokenizer.windows([prefix + text.text for text in texts], self._spec.max_tokens)
        tokens = [sum(map(len, of_text)) for of_text in windows]
        items = [
            Item(str(i), count, text.text.encode(), text.document)
            for i, (text, count) in enumerate(zip(texts, tokens, strict=True))
        ]
        since = time.perf_counter()
        for answers in self._fleet.answers(items):
            failed = {int(key): answer.message for key, answer in answers.items() if isinstance(answer, ItemError)}
            good = {int(key): answer for key, answer in answers.items() if isinstance(answer, bytes)}
            seconds, since = time.perf_counter() - since, time.perf_counter()
            yield Made(list(good), vectors_of(list(good.values()), self._spec.dimension), failed)
            windowed = sum(len(windows[i]) > 1 for i in good)
            self._emit(events.Embedded(len(good), sum(tokens[i] for i in good), windowed, seconds))

    def rest(self) -> None:
        if self._unload:
            self._fleet.unload()

    def close(self) -> None:
        self._fleet.close()
