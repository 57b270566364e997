"""Contexts by a language model, for all chunks of a document: what is under way, and what came of it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ragfactory import events
from ragfactory.context.answers import check_answer
from ragfactory.context.asking import asked_again
from ragfactory.context.cache import ContextCache, context_key
from ragfactory.errors import ContextCacheError
from ragfactory.pipeline.answers import open_answerer
from ragfactory.pipeline.inquiry import REFUSED, Allowance, Inquiry, Question, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ragfactory.config import Config
    from ragfactory.context.cache import Model
    from ragfactory.context.language_models import LanguageModel
    from ragfactory.context.prompt import Prompt
    from ragfactory.context.templates import Template
    from ragfactory.events import Listener
    from ragfactory.pipeline.devices import RunDevices
    from ragfactory.store.documents import Identity


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
class _UnderWay:
    """A document whose contexts are being written: the keys of its prompts, those without a reply, and the replies so far."""

    wanted: Wanted
    keys: list[bytes | None]
    waiting: set[bytes]
    replies: dict[bytes, Reply] = field(default_factory=dict)


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
        self._allowance = Allowance(limit)
        self._cache: ContextCache | None = None
        self._inquiries: dict[Model, Inquiry] = {}
        self._waiting: dict[bytes, list[_UnderWay]] = {}
        self._whole: dict[Identity, list[Context]] = {}

    @property
    def under_way(self) -> int:
        """How many prompts have no answer yet."""
        return sum(inquiry.under_way for inquiry in self._inquiries.values())

    def submit(self, wanted: Wanted, model: LanguageModel, templates: Mapping[str, Template]) -> None:
        """Have the contexts of a document's chunks written; `poll` gives them.

        Raises ContextCacheError, ModelUnavailableError or DeviceUnavailableError where the model cannot work at all.
        """
        keys = [None if p is None else context_key(p, model.identity, model.sampling) for p in wanted.prompts]
        again = partial(asked_again, templates=templates)
        questions = [
            Question(key, prompt, wanted.doc_id, check_answer, again)
            for key, prompt in zip(keys, wanted.prompts, strict=True)
            if key is not None and prompt is not None
        ]
        document = _UnderWay(wanted, keys, {question.key for question in questions})
        for key in document.waiting:
            self._waiting.setdefault(key, []).append(document)
        self._finish_if_whole(document)
        self._inquiry(model).submit(questions)

    def poll(self, timeout_s: float) -> dict[Identity, list[Context]]:
        """The documents that are done since the last time, by root and path, with the contexts of their chunks in their order. It
        waits up to `timeout_s` seconds for an answer.

        Raises what `submit` raises.
        """
        self.tend(timeout_s)
        whole, self._whole = self._whole, {}
        return whole

    def tend(self, timeout_s: float) -> None:
        """Take in what models answer, and leave it to `poll` to tell. Raises what `submit` raises."""
        for inquiry in self._inquiries.values():
            self._take_in(inquiry.poll(timeout_s if inquiry.under_way else 0.0))

    def give_up(self) -> None:
        """Ask no more: documents under way get the contexts that there are."""
        for inquiry in self._inquiries.values():
            inquiry.give_up()

    def rest(self) -> None:
        """Learn that there is no work for now."""
        for inquiry in self._inquiries.values():
            inquiry.rest()

    def close(self) -> None:
        """Keep what the run counted, and let go of the cache. A count that cannot be kept is told and no more: the run is done."""
        self.give_up()
        if self._cache is not None:
            with closing(self._cache):
                try:
                    for model, inquiry in self._inquiries.items():
                        self._cache.record_run(self._run_id, model, inquiry.counts)
                except ContextCacheError as error:
                    self._emit(
                        events.Notice(f"what the run asked is not in the statistics of contexts: {error.message}")
                    )

    def _inquiry(self, model: LanguageModel) -> Inquiry:
        if self._cache is None:
            self._cache = ContextCache.open(self._config.contexts)
        if model.identity not in self._inquiries:
            opened = partial(open_answerer, model, self._config, self._devices, self._emit)
            self._inquiries[model.identity] = Inquiry(model.identity, self._cache, opened, self._allowance, self._emit)
        return self._inquiries[model.identity]

    def _take_in(self, replies: Mapping[bytes, Reply]) -> None:
        for key, reply in replies.items():
            for document in self._waiting.pop(key):
                document.replies[key] = reply
                document.waiting.discard(key)
                self._finish_if_whole(document)

    def _finish_if_whole(self, document: _UnderWay) -> None:
        if document.waiting:
            return
        wanted, replies = document.wanted, document.replies
        contexts = [
            Context(structural, elsewhere=True) if key is None else _context(replies[key], structural)
            for key, structural in zip(document.keys, wanted.structural, strict=True)
        ]
        own = [replies[key] for key in document.keys if key is not None]
        refused = sum(reply.text == REFUSED for reply in own)
        written = sum(reply.is_new and reply.text != REFUSED for reply in own)
        missing = sum(context.missing for context in contexts)
        found = sum(context.enriched for context in contexts) - written
        self._emit(events.Enriched(wanted.root, wanted.doc_id, found, written, refused, missing))
        self._whole[wanted.root, wanted.doc_id] = contexts


def _context(reply: Reply, structural: str) -> Context:
    if reply.text is None:
        return Context(structural, missing=True)
    return Context(reply.text, enriched=True) if reply.text != REFUSED else Context(structural)
