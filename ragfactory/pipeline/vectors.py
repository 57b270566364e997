"""Vectors for the texts of a run: made by all cards that may work, or by the CPU, in this process, where it is the only device."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ragfactory import events
from ragfactory.embedding.serving import TARGET, setup_of, vectors_of
from ragfactory.embedding.tokenizer import Tokenizer
from ragfactory.fleet.model import CPU, Role
from ragfactory.fleet.work import Item, ItemError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from ragfactory.devices import RunDevices
    from ragfactory.embedding.catalog import ResolvedModel
    from ragfactory.embedding.model import Embedder
    from ragfactory.events import Listener
    from ragfactory.store.vectors import Matrix

LOCAL_BATCH = 128  # texts a call: enough to sort by length, few enough that a killed run loses little
CARD_BATCH = 256  # texts a card: enough that all cards finish together
TURN = 2000  # texts, where cards have to let another model go for them: enough to be worth its load

_LEAST = 32  # texts, with which the processor begins already
_TICK_S = 0.05


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
    """Makes vectors with one model. `batch` is how many texts it should get at once, and `least` how many are worth a start; when
    it is not its turn, others have the devices.
    """

    batch: int
    least: int

    def make(self, texts: Sequence[Text]) -> Iterator[Made]: ...

    def is_its_turn(self) -> bool: ...

    def rest(self) -> None: ...

    def close(self) -> None: ...


class VectorMaker:
    """Makes vectors on the devices of a run; models are loaded when they are first needed."""

    def __init__(self, devices: RunDevices, emit: Listener) -> None:
        self._devices = devices
        self._emit = emit
        self._makers: dict[str, _Maker] = {}

    def batch(self, model: ResolvedModel) -> int:
        """How many texts to ask for at once, so that no device waits for another."""
        return self._maker(model).batch

    def is_worth_it(self, model: ResolvedModel, texts: int) -> bool:
        """Whether so many texts are enough to begin with, or, where cards do other work, to change what they do."""
        maker = self._maker(model)
        return texts >= TURN or (texts >= maker.least and maker.is_its_turn())

    def is_its_turn(self, model: ResolvedModel) -> bool:
        """Whether devices may be had for the model: not while work is under way on cards that have no memory for both."""
        return self._maker(model).is_its_turn()

    def make(self, model: ResolvedModel, texts: Sequence[Text]) -> Iterator[Made]:
        """The vectors of passages, some at a time as they come, or none when a moment went by; every text is in one of the parts.

        Raises ModelUnavailableError when the model cannot be loaded, DeviceUnavailableError when no device can do the work.
        """
        return self._maker(model).make(texts)

    def rest(self) -> None:
        """Learn that there is no work for now."""
        for maker in self._makers.values():
            maker.rest()

    def close(self) -> None:
        """Let go of the models in this process."""
        for maker in self._makers.values():
            maker.close()

    def _maker(self, model: ResolvedModel) -> _Maker:
        key = str(model.path)
        if key not in self._makers:
            self._emit(events.Notice(model.note))
            self._makers[key] = self._open(model)
        return self._makers[key]

    def _open(self, model: ResolvedModel) -> _Maker:
        cards, cpu = self._devices.judge(Role.EMBED)
        if cpu.eligible:  # no card could ever do it: a process for the CPU alone would only cost its start
            return _OneProcessor(model, self._emit)
        return _ManyDevices(model, self._devices, self._emit, cards=len(cards))


class _OneProcessor:
    """The CPU, in this process: a thread loads the model and works with it, so that a run can look after other things meanwhile."""

    def __init__(self, model: ResolvedModel, emit: Listener) -> None:
        self.batch = LOCAL_BATCH
        self.least = min(_LEAST, LOCAL_BATCH)
        self._dimension = model.spec.dimension
        self._emit = emit
        self._thread = ThreadPoolExecutor(1, "embedder")
        self._embedder = self._thread.submit(_open, model)

    def make(self, texts: Sequence[Text]) -> Iterator[Made]:
        yield from self._until_done(self._embedder)
        embedder = self._embedder.result()
        for first in range(0, len(texts), self.batch):
            some = texts[first : first + self.batch]
            started = time.perf_counter()
            encoding = self._thread.submit(embedder.encode, [text.text for text in some])
            yield from self._until_done(encoding)
            seconds = time.perf_counter() - started
            encoded = encoding.result()
            yield Made(range(first, first + len(some)), encoded.vectors, {})
            self._emit(events.Worked(CPU, Role.EMBED, len(some), encoded.tokens, seconds))
            self._emit(events.Embedded(len(some), encoded.tokens, encoded.windowed, seconds))

    def is_its_turn(self) -> bool:
        """The processor is everybody's."""
        return True

    def rest(self) -> None:
        """Nobody waits for its memory."""

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)

    def _until_done(self, work: Future[Any]) -> Iterator[Made]:
        while not wait([work], _TICK_S).done:
            yield Made((), vectors_of((), self._dimension), {})


def _open(model: ResolvedModel) -> Embedder:
    from ragfactory.embedding.engine import open_embedder

    return open_embedder(model, device=CPU)


class _ManyDevices:
    """A fleet whose workers serve `model`, as `ragfactory.embedding.serving` has them do."""

    def __init__(self, model: ResolvedModel, devices: RunDevices, emit: Listener, *, cards: int) -> None:
        self.batch = self.least = CARD_BATCH * cards
        self._spec = model.spec
        self._tokenizer = Tokenizer(model.path / "tokenizer.json")
        self._devices = devices
        self._fleet = devices.fleet(Role.EMBED, TARGET, setup_of(model))
        self._emit = emit

    def make(self, texts: Sequence[Text]) -> Iterator[Made]:
        prefix = self._spec.passage_prefix
        windows = self._tokenizer.windows([prefix + text.text for text in texts], self._spec.max_tokens)
        tokens = [sum(map(len, of_text)) for of_text in windows]
        items = [
            Item(str(i), count, text.text.encode(), text.document)
            for i, (text, count) in enumerate(zip(texts, tokens, strict=True))
        ]
        self._fleet.submit(items)
        since = time.perf_counter()
        try:
            while self._fleet.is_busy:
                if not self._fleet.is_loaded:
                    self._devices.make_room(self._fleet)
                answers = self._fleet.poll(_TICK_S)
                failed = {int(key): answer.message for key, answer in answers.items() if isinstance(answer, ItemError)}
                good = {int(key): answer for key, answer in answers.items() if isinstance(answer, bytes)}
                yield Made(list(good), vectors_of(list(good.values()), self._spec.dimension), failed)
                if good:
                    seconds, since = time.perf_counter() - since, time.perf_counter()
                    windowed = sum(len(windows[i]) > 1 for i in good)
                    self._emit(events.Embedded(len(good), sum(tokens[i] for i in good), windowed, seconds))
        finally:
            self._fleet.stop()

    def is_its_turn(self) -> bool:
        return not self._devices.is_crowded_out(self._fleet)

    def rest(self) -> None:
        self._devices.rest(self._fleet)

    def close(self) -> None:
        """The fleet is closed with its devices."""
