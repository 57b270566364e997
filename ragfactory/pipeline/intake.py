"""From prepared documents to the assembly: those whose contexts a language model writes are gathered, so that it gets many."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from ragfactory import events
from ragfactory.pipeline.contexts import BATCH, Context, Wanted

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
    from ragfactory.store.records import DocumentRecord


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
    """Takes arrivals, and hands them to the assembly with the contexts of their chunks. Call `flush` after the last."""

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
        self._gathered: list[Arrival] = []
        self._prompts = 0

    def add(self, arrival: Arrival) -> None:
        """Take a document."""
        if not arrival.prepared.sheet.owns:
            self._assembly.add(arrival, [Context(text) for text in arrival.prepared.contexts])
            return
        self._gathered.append(arrival)
        self._prompts += len(arrival.prepared.sheet.owns)
        if self._prompts >= BATCH:
            self._hand_on()

    def flush(self) -> None:
        """Hand on what is still here, after the last arrival."""
        self._hand_on()
        self._contexts.rest()

    def _hand_on(self) -> None:
        """Have the contexts written that are waited for, as far as there is time, and hand the documents on."""
        gathered, self._gathered, self._prompts = self._gathered, [], 0
        for document_type, some in groupby(sorted(gathered, key=_type_of), key=_type_of):
            self._write(document_type, list(some))

    def _write(self, document_type: str, arrivals: list[Arrival]) -> None:
        recipe = self._recipes[document_type]
        assert recipe.author is not None, "only a language model is given prompts"
        seen: set[str] = set()
        wanted = [
            Wanted(a.source.root, a.source.doc_id, self._prompts_of(a, seen), a.prepared.contexts) for a in arrivals
        ]
        written = self._contexts.write(wanted, recipe.author, recipe.templates, self._is_over)
        for arrival, contexts in zip(arrivals, written, strict=True):
            if arrival.gained_nothing(contexts):
                self._emit(events.Kept(arrival.source.root, arrival.source.doc_id))
            else:
                self._assembly.add(arrival, contexts)

    def _prompts_of(self, arrival: Arrival, seen: set[str]) -> list[Prompt | None]:
        """The prompt for each chunk, but for one whose text is stored already, or comes with a document before it."""
        prompts: list[Prompt | None] = []
        for chunk, prompt in zip(arrival.prepared.chunks, arrival.prepared.sheet.prompts(), strict=True):
            known = chunk.key in seen or self._assembly.is_stored(arrival.document_type, bytes.fromhex(chunk.key))
            prompts.append(None if known else prompt)
            seen.add(chunk.key)
        return prompts


def _type_of(arrival: Arrival) -> str:
    return arrival.document_type
