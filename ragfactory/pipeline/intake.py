"""From prepared documents to the assembly, by way of the language model that writes the contexts of some."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory import events
from ragfactory.pipeline.contexts import Context, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragfactory.context.prompt import Prompt
    from ragfactory.events import Listener
    from ragfactory.pipeline.assembly import Assembly
    from ragfactory.pipeline.contexts import ContextMaker
    from ragfactory.pipeline.open_index import Change
    from ragfactory.pipeline.prepare import PreparedDocument
    from ragfactory.pipeline.recipe import Recipes
    from ragfactory.pipeline.scan import Source
    from ragfactory.store.documents import Identity
    from ragfactory.store.records import DocumentRecord

IN_FLIGHT = 2000  # prompts that wait for answers before reading waits too: enough to keep eight cards busy for minutes

_TICK_S = 0.05


@dataclass(frozen=True, slots=True)
class Arrival:
    """A prepared document on its way in. It replaces `previous`, which may stand in the index of another type; one that is made
    again only `for_contexts` may stay as it is.
    """

    source: Source
    prepared: PreparedDocument
    previous: DocumentRecord | None
    forced: bool
    moved: bool
    for_contexts: bool = False

    @property
    def document_type(self) -> str:
        """The type that was recognised or forced."""
        return self.prepared.classification.type

    @property
    def change(self) -> Change:
        """What becomes of its index."""
        return "changed" if self.previous else "moved" if self.moved else "added"

    def gained_nothing(self, contexts: Sequence[Context]) -> bool:
        """Whether it would be stored again as it is, with these contexts."""
        if not self.for_contexts or self.previous is None or self.previous.key != self.prepared.key:
            return False
        return sum(context.missing for context in contexts) >= self.previous.contexts_missing


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
        self._waiting: deque[Arrival] = deque()
        self._written: dict[Identity, list[Context]] = {}
        self._coming: dict[str, set[str]] = {}  # by document type, the chunk keys of arrivals that wait

    @property
    def is_full(self) -> bool:
        """Whether models have prompts enough for now."""
        return self._contexts.under_way >= IN_FLIGHT

    def add(self, arrival: Arrival) -> None:
        """Take a document."""
        if arrival.prepared.sheet.owns:
            self._waiting.append(arrival)
            self._ask(arrival)
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
        self.tend()
        self._contexts.rest()

    def _ask(self, arrival: Arrival) -> None:
        recipe = self._recipes[arrival.document_type]
        assert recipe.author is not None, "only a language model is given prompts"
        prompts = self._prompts_of(arrival)
        wanted = Wanted(arrival.source.root, arrival.source.doc_id, prompts, arrival.prepared.contexts)
        self._contexts.submit(wanted, recipe.author, recipe.templates)

    def _hand_on(self) -> None:
        """Hand on the first documents, up to one that waits. A text that stands in two has its context from the first."""
        while self._waiting and (contexts := self._written.pop(self._waiting[0].source.identity, None)) is not None:
            arrival = self._waiting.popleft()
            self._coming[arrival.document_type].difference_update(chunk.key for chunk in arrival.prepared.chunks)
            if arrival.gained_nothing(contexts):
                self._emit(events.Kept(arrival.source.root, arrival.source.doc_id))
            else:
                self._assembly.add(arrival, contexts)

    def _prompts_of(self, arrival: Arrival) -> list[Prompt | None]:
        """The prompt for each chunk, but for one whose text is stored already, or comes with a document before it."""
        coming = self._coming.setdefault(arrival.document_type, set())
        prompts: list[Prompt | None] = []
        templates = self._recipes[arrival.document_type].templates
        for chunk, prompt in zip(arrival.prepared.chunks, arrival.prepared.sheet.prompts(templates), strict=True):
            known = chunk.key in coming or self._assembly.is_known(arrival.document_type, bytes.fromhex(chunk.key))
            prompts.append(None if known else prompt)
            coming.add(chunk.key)
        return prompts
