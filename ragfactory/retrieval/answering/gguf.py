"""A GGUF on this machine that writes answers: in a worker on the coolest card that may do it, or on the CPU, in this process."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ragfactory import events
from ragfactory.context.asking import estimate_tokens
from ragfactory.context.language_models import gguf_path, least_card_mb
from ragfactory.context.llama.planning import CPU, Wish
from ragfactory.devices import RunDevices
from ragfactory.errors import ModelUnavailableError
from ragfactory.fleet.model import Role
from ragfactory.fleet.work import Item, ItemError
from ragfactory.retrieval.answering.writing import ANSWER_TOKENS, PROMPT_TOKENS, room_in

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.config import Config
    from ragfactory.context.language_models import Kind
    from ragfactory.context.prompt import Prompt
    from ragfactory.events import Event
    from ragfactory.retrieval.answering.writing import AnswerWriter, Listen


def open_gguf(config: Config) -> AnswerWriter:
    """The GGUF of the configuration, on the device that is to have it.

    Raises ModelUnavailableError where there is none or it cannot be loaded, and what `RunDevices` raises.
    """
    path, window = gguf_path(config), config.context.window
    with ExitStack() as opened:
        card = CardWriter(path, config)
        opened.callback(card.close)
        if card.is_there:
            opened.pop_all()
            return card
    return ProcessorWriter(path, window)


class ProcessorWriter:
    """A GGUF on the CPU, in this process."""

    by: Kind = "llama"
    device: str | None = CPU
    notes: tuple[str, ...] = ()

    def __init__(self, path: Path, window: int) -> None:
        """Load it. Raises what `LlamaEngine.open` raises."""
        from ragfactory.context.llama.aloud import Aloud

        self._model = Aloud(path, CPU, _wish(window))
        self.room = room_in(self._model.room + ANSWER_TOKENS)

    def write(self, prompt: Prompt, listen: Listen) -> str:
        """See AnswerWriter."""
        return self._model.complete(prompt, listen).text

    def close(self) -> None:
        """See AnswerWriter."""
        self._model.close()


class CardWriter:
    """A GGUF in a worker on one card, or, where that fails, on the CPU. It stays there until `close`."""

    by: Kind = "llama"

    def __init__(self, path: Path, config: Config) -> None:
        from ragfactory.context.llama.serving import ALOUD_TARGET, setup_of

        window = config.context.window
        self.room = room_in(window)
        self.device: str | None = None
        self.notes: tuple[str, ...] = ()
        self._listen: Listen | None = None
        self._has_told = False
        with ExitStack() as opened:
            devices = opened.enter_context(RunDevices(config, f"ask-{os.getpid()}", self._hear))
            devices.need(Role.WRITE, least_card_mb(path))
            self.is_there = devices.coolest(Role.WRITE) is not None
            setup = setup_of(path, _wish(window), keep_free_mb=config.fleet.keep_free_mb)
            model_mb = path.stat().st_size / 1e6
            self._fleet = devices.fleet(Role.WRITE, ALOUD_TARGET, setup, alone=True, model_mb=model_mb, tells=True)
            self._opened = opened.pop_all()

    def write(self, prompt: Prompt, listen: Listen) -> str:
        """See AnswerWriter. Where a card fails in the middle of an answer, what was told is followed by an empty line, and the
        answer begins again.
        """
        from ragfactory.context.llama.serving import completion_of, question

        self._listen, self._has_told = listen, False
        tokens = estimate_tokens(prompt.shared) + estimate_tokens(prompt.own) + ANSWER_TOKENS
        (answer,) = self._fleet.map([Item("answer", tokens, question(prompt))])
        if isinstance(answer, ItemError):
            raise ModelUnavailableError(
                f"the language model wrote no answer: {answer.message}", hint="choose another one, or --by extract"
            )
        return completion_of(answer).text

    def close(self) -> None:
        """See AnswerWriter."""
        self._opened.close()

    def _hear(self, event: Event) -> None:
        match event:
            case events.Wrote():
                assert self._listen is not None, "nothing is written that nobody asked for"
                self._listen(event.text)
                self._has_told = True
            case events.Retried() if self._has_told and self._listen is not None:
                self._listen("\n\n")
                self._has_told = False
            case events.Worked():
                self.device = event.device
            case events.FellBack():
                self._note(f"answered on the CPU: {event.reason}")
            case events.WorkerLost() | events.Benched():
                self._note(f"answering on {event.device}: {event.reason}")

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes += (note,)


def _wish(window: int) -> Wish:
    return Wish(shared=max(0, window - PROMPT_TOKENS - ANSWER_TOKENS), own=PROMPT_TOKENS, answer=ANSWER_TOKENS, width=1)
