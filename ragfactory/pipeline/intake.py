"""From prepared documents to the assembly, by way of the language model that writes the contexts of some."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Self

from ragfactory import events
from ragfactory.pipeline.contexts import Context, Wanted
from ragfactory.pipeline.prepare import Request, quote_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.context.analysis import Analysis
    from ragfactory.events import Listener
    from ragfactory.pipeline.arrival import Arrival
    from ragfactory.pipeline.assembly import Assembly
    from ragfactory.pipeline.contexts import ContextMaker, Written
    from ragfactory.pipeline.recipe import Recipes
    from ragfactory.pipeline.scan import Source

IN_FLIGHT = 2000  # prompts that wait for answers before reading waits too: enough to keep eight cards busy for minutes

_HELD = 20_000  # chunks of documents that wait, the first of them for its contexts
_MOST_LEANING = 1000  # documents that are held back until it is known whether any of them gains a context
_TICK_S = 0.05


class Intake:
    """Takes arrivals, and hands them to the assembly, in their order, with the contexts of their chunks.

    Contexts are written while more documents arrive, and while the assembly makes vectors: `tend` wants to be called several times
    a second, and `flush` after the last arrival. No more contexts are asked for once `is_over` says so.
    """

    def __init__(
        self,
        assembly: Assembly,
        recipes: Recipes,
        contexts: ContextMaker,
        emit: Listener,
        *,
        is_over: Callable[[], bool],
    ) -> None:
        self._assembly = assembly
        self._recipes = recipes
        self._contexts = contexts
        self._emit = emit
        self._is_over = is_over
        self._waiting: deque[tuple[int, Arrival]] = deque()
        self._numbers = count()
        self._chunks = 0  # of those that wait
        self._written: dict[int, Written] = {}
        self._misfits: list[tuple[Source, Request]] = []
        self._leaning: list[tuple[Arrival, Written]] = []  # none of which has changed so far
        self._leaning_change = False
        self._coming: dict[str, set[str]] = {}  # by document type, the chunk keys of arrivals that wait

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Where work ends in the middle, ask no more, before anything else takes its time, and keep what came."""
        if error is not None:
            self._contexts.give_up()

    @property
    def is_full(self) -> bool:
        """Whether models have prompts enough for now, or documents wait behind one that takes long."""
        return self._contexts.under_way >= IN_FLIGHT or self._chunks >= _HELD

    def add(self, arrival: Arrival) -> None:
        """Take a document."""
        if arrival.prepared.sheet.owns:
            number = next(self._numbers)
            self._waiting.append((number, arrival))
            self._chunks += len(arrival.prepared.chunks)
            self._ask(number, arrival)
        else:
            self._assembly.add(arrival, [Context(text) for text in arrival.prepared.contexts])

    def tend(self, timeout_s: float = 0.0) -> None:
        """Take in what models answer, for which it waits up to `timeout_s` seconds, and hand on documents that have it all."""
        if self._waiting:
            if self._is_over():
                self._contexts.give_up()
            self._written |= self._contexts.poll(timeout_s)
            self._hand_on()

    def flush(self) -> None:
        """Wait for all contexts, as long as there is time, and hand on what is still here."""
        while self._contexts.under_way and not self._is_over():
            self.tend(_TICK_S)
        self._contexts.give_up()
        while self._waiting:
            assert not self._contexts.under_way, "what was given up has its reply"
            self.tend()
        for arrival, _ in self._leaning:
            self._keep(arrival)
        self._leaning.clear()
        self._contexts.rest()

    def settle_types(self) -> list[tuple[Source, Request]]:
        """Wait until it is said of all documents what they are about, as long as there is time. Returns those that are to be read
        again, as another type, and how.
        """
        while self._contexts.analysing:
            self.tend(_TICK_S)
        misfits, self._misfits = self._misfits, []
        return misfits

    def _ask(self, number: int, arrival: Arrival) -> None:
        recipe = self._recipes[arrival.document_type]
        assert recipe.author is not None, "only a language model is given prompts"
        wanted = Wanted(
            number,
            arrival.source.identity,
            arrival.prepared,
            self._known(arrival),
            self._recipes.types,
            partial(self._keeps_type, arrival),
        )
        self._contexts.submit(wanted, recipe.author, recipe.templates)

    def _keeps_type(self, arrival: Arrival, analysis: Analysis) -> bool:
        """Whether a document stays what it was taken for. Where the rules were not sure, a model may know better."""
        source, found = arrival.source, arrival.prepared.classification
        suggested = arrival.prepared.better_type(analysis)
        if suggested is None:
            return True
        self._misfits.append((source, Request.retyped(quote_path(source.path), found, suggested)))
        self._emit(events.Retyped(*source.identity, found.type, suggested))
        return False

    def _hand_on(self) -> None:
        """Hand on the first documents, up to one that waits. A text that stands in two has its context from the first."""
        while self._waiting and (written := self._written.pop(self._waiting[0][0], None)) is not None:
            _, arrival = self._waiting.popleft()
            self._chunks -= len(arrival.prepared.chunks)
            if arrival.leaning:
                self._hold_back(arrival, written)
            elif written.contexts is not None and arrival.gained_nothing(written.contexts):
                self._keep(arrival)
            else:
                self._assemble(arrival, written)

    def _hold_back(self, arrival: Arrival, written: Written) -> None:
        """Hold a document that shares rows with others until one of these gains a context, or leaves: then all are made again."""
        self._leaning.append((arrival, written))
        changes = written.contexts is None or not arrival.gained_nothing(written.contexts)
        self._leaning_change |= changes or len(self._leaning) > _MOST_LEANING
        if self._leaning_change:
            for held in self._leaning:
                self._assemble(*held)
            self._leaning.clear()

    def _assemble(self, arrival: Arrival, written: Written) -> None:
        """Hand a document on; not one that is to be read again, as another type."""
        self._forget(arrival)
        if written.contexts is not None:
            self._assembly.add(replace(arrival, prepared=arrival.prepared.analysed(written.analysis)), written.contexts)

    def _keep(self, arrival: Arrival) -> None:
        self._forget(arrival)
        self._emit(events.Kept(arrival.source.root, arrival.source.doc_id))

    def _forget(self, arrival: Arrival) -> None:
        """It waits no more: its chunks come no more, or stand in the assembly."""
        self._coming[arrival.document_type].difference_update(chunk.key for chunk in arrival.prepared.chunks)

    def _known(self, arrival: Arrival) -> list[bool]:
        """Whether each chunk's text is stored already, or comes with a document before it."""
        coming = self._coming.setdefault(arrival.document_type, set())
        known = []
        for chunk in arrival.prepared.chunks:
            stored = self._assembly.is_known(arrival.document_type, bytes.fromhex(chunk.key))
            known.append(stored or chunk.key in coming)
            coming.add(chunk.key)
        return known
