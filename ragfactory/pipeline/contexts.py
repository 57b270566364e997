"""Contexts by a language model: those that are kept are taken, the others asked for, checked, and kept one by one as they come."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragfactory import events
from ragfactory.context.answers import Refusal, check_answer
from ragfactory.context.asking import asked_again
from ragfactory.context.cache import ContextCache, RunCounts, context_key
from ragfactory.context.prompt import Failure
from ragfactory.errors import ContextCacheError
from ragfactory.pipeline.answers import open_answerer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ragfactory.config import Config
    from ragfactory.context.cache import Model
    from ragfactory.context.language_models import LanguageModel
    from ragfactory.context.prompt import Prompt
    from ragfactory.context.templates import Template
    from ragfactory.events import Listener
    from ragfactory.pipeline.answers import Answerer, Question
    from ragfactory.pipeline.devices import RunDevices

BATCH = 2000  # prompts that are gathered before a model is asked: enough to keep eight cards busy for minutes

_REFUSED = ""  # what is kept for a prompt whose answer was refused twice, or that no server takes


@dataclass(frozen=True, slots=True)
class Context:
    """A chunk's context; `enriched` when a language model wrote it, `missing` when it is still to, and `elsewhere` when nobody was
    asked for it since the chunk's text comes with another document, or stands in it before.
    """

    text: str
    enriched: bool = False
    missing: bool = False
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document whose chunks want contexts: for each its prompt, None where its text has one elsewhere, and its structural
    context, which stands in where a model's does not come.
    """

    root: str
    doc_id: str
    prompts: Sequence[Prompt | None]
    structural: Sequence[str]


@dataclass(slots=True)
class _Round:
    """What is known of the contexts of some documents: `found` by key, and which of them were `written` now."""

    found: dict[bytes, str]
    written: set[bytes] = field(default_factory=set)
    failure: str | None = None


class ContextMaker:
    """Has contexts written for the documents of a run. The cache is opened and models are loaded when they are first needed."""

    def __init__(
        self, config: Config, devices: RunDevices, run_id: str, emit: Listener, *, limit: int | None = None
    ) -> None:
        """`limit` is how many contexts at most a model is asked for; None is as many as there are."""
        self._config = config
        self._devices = devices
        self._run_id = run_id
        self._emit = emit
        self._left = limit
        self._cache: ContextCache | None = None
        self._answerers: dict[Model, Answerer] = {}
        self._counts: dict[Model, RunCounts] = {}

    def write(
        self,
        documents: Sequence[Wanted],
        model: LanguageModel,
        templates: Mapping[str, Template],
        is_over: Callable[[], bool],
    ) -> list[list[Context]]:
        """The contexts of each document's chunks, in their order. No more are asked for once `is_over` says so.

        Raises ContextCacheError, ModelUnavailableError or DeviceUnavailableError where the model cannot work at all.
        """
        cache = self._open_cache()
        keys = [
            [None if p is None else context_key(p, model.identity, model.sampling) for p in document.prompts]
            for document in documents
        ]
        asked: dict[bytes, Question] = {
            key: (key, prompt, document.doc_id)
            for document, its_keys in zip(documents, keys, strict=True)
            for key, prompt in zip(its_keys, document.prompts, strict=True)
            if key is not None and prompt is not None
        }
        found = _Round(cache.find(list(asked)))
        kept = len(found.found)
        missing = [question for key, question in asked.items() if key not in found.found]
        self._ask(model, missing[: self._left], templates, found, is_over)
        refused = sum(found.found[key] == _REFUSED for key in found.written)
        self._count(model.identity, len(asked), kept, len(found.written) - refused, refused)
        if found.failure is not None:
            left = sum(key not in found.found for key in asked)
            what = f"{left:,} contexts are left to the next run" if left else "some passages get no context"
            self._emit(events.Notice(f"{what}: {found.failure}", alarm=True))
        return [self._contexts(d, its_keys, found) for d, its_keys in zip(documents, keys, strict=True)]

    def rest(self) -> None:
        """Learn that there is no work for now."""
        for answerer in self._answerers.values():
            answerer.rest()

    def close(self) -> None:
        """Keep what the run counted, and let go of the cache. A count that cannot be kept is told and no more: the run is done."""
        if self._cache is not None:
            with closing(self._cache):
                try:
                    for model, counts in self._counts.items():
                        self._cache.record_run(self._run_id, model, counts)
                except ContextCacheError as error:
                    self._emit(
                        events.Notice(f"what the run asked is not in the statistics of contexts: {error.message}")
                    )

    def _open_cache(self) -> ContextCache:
        if self._cache is None:
            self._cache = ContextCache.open(self._config.contexts)
        return self._cache

    def _ask(
        self,
        model: LanguageModel,
        questions: Sequence[Question],
        templates: Mapping[str, Template],
        found: _Round,
        is_over: Callable[[], bool],
    ) -> None:
        """Ask, and of answers that are refused once more, in other words."""
        if not questions or is_over():
            return
        if self._left is not None:
            self._left -= len(questions)
        refused = self._answers(model, questions, found, is_over, last=False)
        again = [(key, asked_again(prompt, templates), document) for key, prompt, document in refused]
        if again and not is_over():
            self._answers(model, again, found, is_over, last=True)

    def _answers(
        self,
        model: LanguageModel,
        questions: Sequence[Question],
        found: _Round,
        is_over: Callable[[], bool],
        *,
        last: bool,
    ) -> list[Question]:
        """Keep each answer that is a context. Returns the questions whose answers are none; the `last` time that is kept too."""
        by_key = {question[0]: question for question in questions}
        refused, unfit = [], []
        since = time.perf_counter()
        with closing(self._answerer(model).answers(questions)) as answers:
            for key, answer in answers:
                if isinstance(answer, Failure):
                    if answer.unfit:
                        unfit.append(key)
                    found.failure = answer.reason
                    continue
                seconds, since = time.perf_counter() - since, time.perf_counter()
                context = check_answer(answer.text, by_key[key][1])
                if isinstance(context, Refusal) and not last:
                    refused.append(by_key[key])
                else:
                    self._keep(model, key, _REFUSED if isinstance(context, Refusal) else context, found)
                self._emit(events.Asked(1, seconds, answer.read, answer.reused, answer.written, again=last))
                if is_over():
                    break
        if found.written or refused:  # servers that refuse every prompt are set up wrongly
            for key in unfit:
                self._keep(model, key, _REFUSED, found)
        return refused

    def _keep(self, model: LanguageModel, key: bytes, text: str, found: _Round) -> None:
        assert self._cache is not None, "it was looked into before"
        self._cache.put(model.identity, [(key, text)])
        found.found[key] = text
        found.written.add(key)

    def _answerer(self, model: LanguageModel) -> Answerer:
        if model.identity not in self._answerers:
            self._emit(events.Notice(f"contexts are written by {model.identity.name}"))
            self._answerers[model.identity] = open_answerer(model, self._config, self._devices, self._emit)
        return self._answerers[model.identity]

    def _contexts(self, document: Wanted, keys: Sequence[bytes | None], found: _Round) -> list[Context]:
        contexts = [
            Context(structural, elsewhere=True) if key is None else _context(found.found.get(key), structural)
            for key, structural in zip(keys, document.structural, strict=True)
        ]
        missing = sum(context.missing for context in contexts)
        refused = sum(found.found.get(key) == _REFUSED for key in keys if key is not None)
        written = sum(key in found.written and found.found[key] != _REFUSED for key in keys if key is not None)
        kept = sum(context.enriched for context in contexts) - written
        self._emit(events.Enriched(document.root, document.doc_id, kept, written, refused, missing))
        return contexts

    def _count(self, model: Model, asked: int, found: int, written: int, refused: int) -> None:
        before = self._counts.get(model, RunCounts(0, 0, 0, 0))
        self._counts[model] = RunCounts(
            before.asked + asked, before.found + found, before.written + written, before.refused + refused
        )


def _context(text: str | None, structural: str) -> Context:
    if text is None:
        return Context(structural, missing=True)
    return Context(text, enriched=True) if text != _REFUSED else Context(structural)
