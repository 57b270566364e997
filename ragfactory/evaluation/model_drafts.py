"""Questions drafted by a language model, one a chunk; where it writes none, by rule."""

from __future__ import annotations

import re
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING

from ragfactory.context.prompt import Failure
from ragfactory.evaluation.drafts import draft_at, drafts_by_rule, spread
from ragfactory.evaluation.question_prompts import check_question, question_prompt
from ragfactory.evaluation.relevance import squash

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragfactory.config import Config
    from ragfactory.context.language_models import Kind
    from ragfactory.evaluation.drafts import Draft
    from ragfactory.events import Listener
    from ragfactory.pipeline.answers import Answerer, Asked
    from ragfactory.store.records import ChunkRecord

_LEAST_LETTERS = 80  # of a chunk that says enough to ask about
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")
_PASSAGE_CHARACTERS = 200
_MOST_ASKED = 4  # chunks for each question that is wanted
_TICK_S = 0.05


@dataclass(frozen=True, slots=True)
class Drafted:
    """Drafts of a model (`written`) and of the rules (`ruled`), and why the model was asked no more, where it was not."""

    written: tuple[Draft, ...]
    ruled: tuple[Draft, ...]
    failure: str | None = None

    @property
    def drafts(self) -> tuple[Draft, ...]:
        """All of them."""
        return (*self.written, *self.ruled)


def draft_with_model(
    chunks: Sequence[ChunkRecord],
    count: int,
    by: Kind,
    config: Config,
    emit: Listener,
    *,
    progress: Callable[[], None] = lambda: None,
) -> Drafted:
    """At most `count` questions, spread over the documents, by a GGUF on the devices of the configuration or by its servers.

    What happens to devices and servers is told to `emit`; `progress` is called for each chunk that is done. Raises
    ModelUnavailableError, ConfigError, UsageError or DeviceUnavailableError where the model cannot be asked at all.
    """
    from ragfactory.context.language_models import language_model
    from ragfactory.devices import RunDevices
    from ragfactory.pipeline.answers import open_answerer
    from ragfactory.reporting.report import new_run_id

    model = language_model(by, config)
    assert model is not None, "both are language models"
    with ExitStack() as opened:
        devices = opened.enter_context(RunDevices(config, new_run_id(), emit))
        answerer = open_answerer(model, config, devices, emit)
        opened.callback(answerer.stop)
        return _Drafting(answerer, progress).draft(chunks, count)


class _Drafting:
    """What has been drafted so far."""

    def __init__(self, answerer: Answerer, progress: Callable[[], None]) -> None:
        self._answerer = answerer
        self._progress = progress
        self._failure: str | None = None

    def draft(self, chunks: Sequence[ChunkRecord], count: int) -> Drafted:
        by_rule = drafts_by_rule(chunks)
        worth = [i for i, chunk in enumerate(chunks) if sum(map(str.isalpha, chunk.text)) >= _LEAST_LETTERS]
        waiting = deque(islice(spread(worth, lambda i: chunks[i].path), _MOST_ASKED * count))
        written: dict[str, Draft] = {}
        ruled: dict[str, Draft] = {}
        asks = True
        while asks and waiting and len(written) + len(ruled) < count:
            batch = [waiting.popleft() for _ in range(min(count - len(written) - len(ruled), len(waiting)))]
            questions = self._questions([chunks[i] for i in batch])
            asks = any(questions) or (bool(written) and self._failure is None)  # else nothing is to be had of it
            for i, question in zip(batch, questions, strict=True):
                if question is not None and squash(question) not in written:
                    written[squash(question)] = _draft(chunks[i], question)
                elif question is None:
                    ruled |= {squash(draft.query): draft for draft in by_rule[i][:1]}
        others = [draft for drafts in by_rule for draft in drafts if squash(draft.query) not in ruled]
        for draft in spread(others, attrgetter("path")):
            if len(written) + len(ruled) >= count:
                break
            ruled[squash(draft.query)] = draft
        return Drafted(tuple(written.values()), tuple(ruled.values()), self._failure)

    def _questions(self, chunks: Sequence[ChunkRecord]) -> list[str | None]:
        """For each chunk a question; None where there is no answer, and where what came was refused twice."""
        found: list[str | None] = [None] * len(chunks)
        asked_again: set[int] = set()
        self._answerer.submit([_asked(i, chunk) for i, chunk in enumerate(chunks)])
        while self._answerer.under_way:
            for key, answer in self._answerer.poll(_TICK_S):
                i = int.from_bytes(key)
                if isinstance(answer, Failure):
                    self._failure = answer.reason
                elif isinstance(question := check_question(answer.text, chunks[i]), str):
                    found[i] = question
                elif i not in asked_again:
                    asked_again.add(i)
                    self._answerer.submit([_asked(i, chunks[i], again=True)])
                    continue
                self._progress()
        return found


def _asked(i: int, chunk: ChunkRecord, *, again: bool = False) -> Asked:
    return i.to_bytes(4), question_prompt(chunk, again=again), f"{chunk.path}#c{chunk.place.n:04d}"


def _draft(chunk: ChunkRecord, question: str) -> Draft:
    """The question with the sentence of the chunk that has most words in common with it, where no page says where to look."""
    asked = set(squash(question).split())
    sentences = [sentence.strip() for sentence in _SENTENCE.split(chunk.text) if squash(sentence)]
    best = max(sentences, key=lambda sentence: (len(asked & set(squash(sentence).split())), len(sentence)))
    if len(best) > _PASSAGE_CHARACTERS:
        best = best[:_PASSAGE_CHARACTERS].rpartition(" ")[0] or best[:_PASSAGE_CHARACTERS]
    return draft_at(chunk, question, best, best)
