"""What a language model says of documents, and the contexts that it writes for their chunks: what is under way, and what came."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ragfactory import events
from ragfactory.context.analysis_answers import check_analysis, read_analysis
from ragfactory.context.answers import check_answer
from ragfactory.context.asking import asked_again
from ragfactory.context.cache import ContextCache, context_key
from ragfactory.errors import ContextCacheError
from ragfactory.pipeline.answers import open_answerer
from ragfactory.pipeline.inquiry import REFUSED, Allowance, Inquiry, Question, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ragfactory.config import Config
    from ragfactory.context.analysis import Analysis
    from ragfactory.context.cache import Model
    from ragfactory.context.language_models import LanguageModel
    from ragfactory.context.templates import Template
    from ragfactory.devices import RunDevices
    from ragfactory.events import Listener
    from ragfactory.pipeline.prepare import PreparedDocument
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
    """A document whose chunks want contexts, as its sheet has them asked for, under a `number` of its own; those that are `known`
    have one elsewhere.

    Where a model says better than the rules what the document is about, `goes_on` says whether contexts are still wanted; `types`
    are the document types that the model may suggest.
    """

    number: int
    identity: Identity
    prepared: PreparedDocument
    known: Sequence[bool]
    types: Collection[str]
    goes_on: Callable[[Analysis], bool]


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a document: what it is about, and the contexts of its chunks, in their order; None where it did not go on."""

    analysis: Analysis
    contexts: Sequence[Context] | None


@dataclass(slots=True)
class _UnderWay:
    """A document that models are asked about: the keys of its prompts, those without a reply, and the replies so far. It may have
    `allowed` contexts asked for.
    """

    wanted: Wanted
    model: LanguageModel
    templates: Mapping[str, Template]
    analysis: Analysis
    allowed: int
    asks_analysis: bool
    keys: Sequence[bytes | None] = ()
    waiting: set[bytes] = field(default_factory=set)
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
        self._whole: dict[int, Written] = {}
        self._analysing = 0

    @property
    def under_way(self) -> int:
        """How many prompts have no answer yet."""
        return sum(inquiry.under_way for inquiry in self._inquiries.values())

    @property
    def analysing(self) -> int:
        """Of how many documents it is still to be said what they are about."""
        return self._analysing

    def submit(self, wanted: Wanted, model: LanguageModel, templates: Mapping[str, Template]) -> None:
        """Have a model say what a document is about, where its sheet asks that, and then write the contexts of its chunks; `poll`
        gives them.

        Raises ContextCacheError, ModelUnavailableError or DeviceUnavailableError where the model cannot work at all.
        """
        allowed = self._allowance.take(wanted.known.count(False))
        question = wanted.prepared.sheet.analysis
        document = _UnderWay(
            wanted, model, templates, wanted.prepared.analysis, allowed, asks_analysis=question is not None
        )
        if question is None:
            self._ask_contexts(document)
            return
        self._analysing += 1
        key = context_key(question, model.identity, model.sampling)
        document.waiting.add(key)
        self._send(document, [Question(key, question, wanted.identity[1], check_analysis, optional=True)])
        self.tend(0.0)  # where the analysis is kept, the document takes no more of the allowance than it needs at once

    def poll(self, timeout_s: float) -> dict[int, Written]:
        """The documents that are done since the last time, by number. It waits up to `timeout_s` seconds for an answer.

        Raises what `submit` raises.
        """
        self.tend(timeout_s)
        whole, self._whole = self._whole, {}
        return whole

    def tend(self, timeout_s: float) -> None:
        """Take in what models answer, and leave it to `poll` to tell. Raises what `submit` raises."""
        for inquiry in self._inquiries.values():
            self._take_in(inquiry.poll(timeout_s))

    def give_up(self) -> None:
        """Ask no more before it has rested: documents under way, and those that still come, get the contexts that there are."""
        for inquiry in self._inquiries.values():
            inquiry.give_up()

    def rest(self) -> None:
        """Learn that there is no work for now."""
        for inquiry in self._inquiries.values():
            inquiry.rest()

    def close(self) -> None:
        """Keep what the run counted, and let go of the cache. A count that cannot be kept is told and no more: the run is done."""
        for inquiry in self._inquiries.values():
            inquiry.stop()
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
            self._inquiries[model.identity] = Inquiry(model.identity, self._cache, opened, self._emit)
        return self._inquiries[model.identity]

    def _send(self, document: _UnderWay, questions: Sequence[Question]) -> int:
        for question in questions:
            self._waiting.setdefault(question.key, []).append(document)
        return self._inquiry(document.model).submit(questions, at_most=document.allowed)

    def _take_in(self, replies: Mapping[bytes, Reply]) -> None:
        analysed = []
        for key, reply in replies.items():
            for document in self._waiting.pop(key):
                document.waiting.discard(key)
                if document.asks_analysis:
                    analysed.append((document, reply))
                else:
                    document.replies[key] = reply
                    self._finish_if_whole(document)
        for document, reply in analysed:  # they ask on, maybe for what was replied now
            self._analyse(document, reply)

    def _analyse(self, document: _UnderWay, reply: Reply) -> None:
        """Go on with a document of which a model said what it is about, or did not."""
        wanted = document.wanted
        document.asks_analysis = False
        self._analysing -= 1
        if reply.text and (said := read_analysis(reply.text, wanted.prepared.text, types=wanted.types)):
            document.analysis = said.completed_by(document.analysis)
        if wanted.goes_on(document.analysis):
            self._ask_contexts(document)
        else:
            self._allowance.give_back(document.allowed)
            self._whole[wanted.number] = Written(document.analysis, None)

    def _ask_contexts(self, document: _UnderWay) -> None:
        wanted, model = document.wanted, document.model
        prompts = wanted.prepared.sheet.prompts(document.templates, document.analysis.summary())
        document.keys = [
            None if known else context_key(prompt, model.identity, model.sampling)
            for prompt, known in zip(prompts, wanted.known, strict=True)
        ]
        again = partial(asked_again, templates=document.templates)
        questions = {
            key: Question(key, prompt, wanted.identity[1], check_answer, again)
            for key, prompt in zip(document.keys, prompts, strict=True)
            if key is not None
        }
        document.waiting.update(questions)
        asked = self._send(document, list(questions.values()))
        self._allowance.give_back(document.allowed - asked)
        self._finish_if_whole(document)

    def _finish_if_whole(self, document: _UnderWay) -> None:
        if document.waiting:
            return
        wanted, replies = document.wanted, document.replies
        contexts = [
            Context(structural, elsewhere=True) if key is None else _context(replies[key], structural)
            for key, structural in zip(document.keys, wanted.prepared.contexts, strict=True)
        ]
        own = [replies[key] for key in document.keys if key is not None]
        refused = sum(reply.text == REFUSED for reply in own)
        written = sum(reply.is_new and reply.text != REFUSED for reply in own)
        missing = sum(context.missing for context in contexts)
        found = sum(context.enriched for context in contexts) - written
        self._emit(events.Enriched(*wanted.identity, found, written, refused, missing))
        self._whole[wanted.number] = Written(document.analysis, contexts)


def _context(reply: Reply, structural: str) -> Context:
    if reply.text is None:
        return Context(structural, missing=True)
    return Context(reply.text, enriched=True) if reply.text != REFUSED else Context(structural)
