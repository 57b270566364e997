"""Language models as a run asks them: prompts in, completions out as they come, from a GGUF on its devices or from servers."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from ragfactory import events
from ragfactory.context.asking import estimate_tokens
from ragfactory.context.language_models import least_card_mb
from ragfactory.context.llama.planning import Wish
from ragfactory.context.llama.serving import TARGET, completion_of, question, setup_of
from ragfactory.context.prompt import Failure
from ragfactory.fleet.model import Role
from ragfactory.fleet.work import Item, ItemError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.config import Config
    from ragfactory.context.language_models import LanguageModel
    from ragfactory.context.prompt import Completion, Prompt
    from ragfactory.context.remote.writer import Exchange, RemoteModel
    from ragfactory.devices import RunDevices
    from ragfactory.events import Listener

    Asked = tuple[bytes, Prompt, str]  # a key, what is asked, and the document it is about
    Answers = list[tuple[bytes, Completion | Failure]]

# Tokens that a worker is given at once, passages and answers: some rounds of its width, since each batch ends with places empty.
_BATCH_TOKENS = 65_536
_TICK_S = 0.05


class Answerer(Protocol):
    """Someone who answers prompts. It wants to be polled several times a second while something is under way."""

    @property
    def under_way(self) -> int:
        """How many prompts have no answer yet."""

    def submit(self, asked: Sequence[Asked]) -> None:
        """Have prompts answered."""

    def poll(self, timeout_s: float) -> Answers:
        """Keys with their completions, or why they have none, as they came; waits up to `timeout_s` seconds for the first."""

    def stop(self) -> None:
        """Give up what is under way."""

    def rest(self) -> None:
        """Learn that there is no work for now."""


def open_answerer(model: LanguageModel, config: Config, devices: RunDevices, emit: Listener) -> Answerer:
    """The model, ready to be asked. Raises ModelUnavailableError for a GGUF that cannot be used, ConfigError, UsageError."""
    if model.path is not None:
        return _OnDevices(model, config, devices)
    from ragfactory.config import llm_api_key
    from ragfactory.context.remote.protocols import Sampling
    from ragfactory.context.remote.servers import servers_of
    from ragfactory.context.remote.writer import RemoteModel

    sampling = Sampling(window=model.window)
    return _OnServers(RemoteModel(servers_of(config.context), api_key=llm_api_key(), sampling=sampling), emit)


class _OnDevices:
    """A GGUF in the workers of a fleet. Prompts about one part of a document stay together, so that it is read once a worker."""

    def __init__(self, model: LanguageModel, config: Config, devices: RunDevices) -> None:
        assert model.path is not None, "it runs on this machine"
        wish = Wish(shared=model.window)
        devices.need(Role.WRITE, least_card_mb(model.path))
        setup = setup_of(model.path, wish, keep_free_mb=config.fleet.keep_free_mb)
        self._devices = devices
        self._fleet = devices.fleet(Role.WRITE, TARGET, setup, batch_tokens=_BATCH_TOKENS)
        self._answer_tokens = wish.answer

    @property
    def under_way(self) -> int:
        return self._fleet.under_way

    def submit(self, asked: Sequence[Asked]) -> None:
        self._fleet.submit([self._item(*question) for question in asked])

    def poll(self, timeout_s: float) -> Answers:
        if self._fleet.is_busy and not self._fleet.is_loaded:
            self._devices.make_room(self._fleet)
        return [
            (bytes.fromhex(key), Failure(answer.message) if isinstance(answer, ItemError) else completion_of(answer))
            for key, answer in self._fleet.poll(timeout_s).items()
        ]

    def stop(self) -> None:
        self._fleet.stop()

    def rest(self) -> None:
        while self._fleet.is_busy:  # a worker that has answered everything says what it did
            self._fleet.poll(_TICK_S)
        self._devices.rest(self._fleet)

    def _item(self, key: bytes, prompt: Prompt, document: str) -> Item:
        return Item(
            key.hex(),
            estimate_tokens(prompt.own) + (prompt.max_tokens or self._answer_tokens),
            question(prompt),
            document=document,
            group=hashlib.sha256(prompt.shared.encode()).hexdigest(),
            once=estimate_tokens(prompt.shared),
        )


class _OnServers:
    """Servers, each of which counts as a device in what is told of the run."""

    def __init__(self, model: RemoteModel, emit: Listener) -> None:
        self._model = model
        self._emit = emit
        self._exchange: Exchange[bytes] | None = None
        self._told = model.reports()

    @property
    def under_way(self) -> int:
        return self._exchange.under_way if self._exchange else 0

    def submit(self, asked: Sequence[Asked]) -> None:
        if self._exchange is None:
            self._exchange = self._model.open()
        self._exchange.submit((key, prompt) for key, prompt, _ in asked)

    def poll(self, timeout_s: float) -> Answers:
        if self._exchange is None:
            return []
        answers = self._exchange.poll(timeout_s)
        self._tell()
        if not all(report.given_up for report in self._told):
            return answers
        # Why each was given up has been told.
        left = Failure("no server is left")
        return [(key, replace(left, unfit=a.unfit) if isinstance(a, Failure) else a) for key, a in answers]

    def stop(self) -> None:
        if self._exchange is not None:
            self._exchange.close()
            self._exchange = None
            self._tell()

    def rest(self) -> None:
        """Servers look after their models themselves."""
        self.stop()

    def _tell(self) -> None:
        """Tell what servers did since the last time, and which of them were given up."""
        before, self._told = self._told, self._model.reports()
        for then, report in zip(before, self._told, strict=True):
            if answered := report.answered - then.answered:
                tokens, seconds = report.tokens - then.tokens, report.seconds - then.seconds
                self._emit(events.Worked(report.name, Role.WRITE, answered, tokens, seconds))
            if report.trouble and not then.trouble:
                self._emit(events.Troubled(report.name, report.trouble))
            if report.given_up and not then.given_up:
                self._emit(events.Notice(f"{report.name} was given up: {report.given_up}", alarm=True))
