"""The prompts for a document's chunks: the document first, so that a model reads it once for many of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ragfactory.context.excerpts import Room, excerpts
from ragfactory.context.prompt import Prompt
from ragfactory.context.templates import fill, language_of
from ragfactory.context.text import as_data, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ragfactory.chunking.model import Chunk
    from ragfactory.context.analysis import Analysis
    from ragfactory.context.templates import Template
    from ragfactory.documents.model import Document

VERSION = 1  # raise it when the same document would be asked about in another way

# Of a window of 8192 tokens: an answer, and what a chat template puts around the messages.
RESERVED_TOKENS = 192

_PASSAGE_SHARE = 0.25  # of the tokens; a longer passage is shown cut
_FACT_CHARACTERS = 300


def estimate_tokens(text: str) -> int:
    """Tokens of a text by a rule of thumb, for a server whose tokenizer is not at hand: rather too many than too few.

    Business text in the four languages has 3 to 4 bytes a token with the vocabularies in use, and tables of figures about 2.5.
    """
    return len(text.encode()) * 2 // 5 + 1


@dataclass(frozen=True, slots=True)
class Budget:
    """How many tokens a prompt may take, its messages together, and how a text's tokens are counted."""

    tokens: int
    count: Callable[[str], int] = estimate_tokens

    @classmethod
    def of_window(cls, window: int, count: Callable[[str], int] = estimate_tokens) -> Budget:
        """What is left for the prompt in a model's window, the answer and the chat template taken off."""
        return cls(max(0, window - RESERVED_TOKENS), count)


def prompts_for(
    document: Document,
    chunks: Sequence[Chunk],
    structural: Sequence[str],
    analysis: Analysis,
    *,
    document_type: str,
    templates: Mapping[str, Template],
    budget: Budget,
) -> list[Prompt]:
    """A prompt for each of the document's `chunks`, in their order; those with the same `shared` follow each other.

    `structural` are the chunks' structural contexts, which tell the model where a passage stands. The language is the document's.
    Nothing in a prompt is over the budget, as long as the wording leaves room for a passage.
    """
    language = language_of(document.language)
    template = templates[language]
    room = Room(budget.tokens, budget.count)
    passages = Room(int(budget.tokens * _PASSAGE_SHARE), budget.count)
    owns = [
        fill(template.own, {"place": as_data(place), "passage": passages.cut(as_data(chunk.text))})
        for chunk, place in zip(chunks, structural, strict=True)
    ]
    facts = {
        "title": as_data(one_line(document.title or ""))[:_FACT_CHARACTERS],
        "type": as_data(document_type),
        "facts": as_data(analysis.summary())[:_FACT_CHARACTERS],
    }
    bare = fill(template.shared, {**facts, "document": ""})
    longest = max(owns, key=len, default="")
    beside = room.left_by(template.instructions, bare, longest, template.again)
    return [
        Prompt(template.instructions, fill(template.shared, {**facts, "document": shown}), own, language)
        for shown, own in zip(excerpts(document, chunks, beside), owns, strict=True)
    ]


def asked_again(prompt: Prompt, templates: Mapping[str, Template]) -> Prompt:
    """The prompt once more, with a word on what an answer looks like: for a model whose answer was refused."""
    return replace(prompt, own=f"{prompt.own}\n{templates[prompt.language].again.strip()}")
