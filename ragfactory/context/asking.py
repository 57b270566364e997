"""What is asked about a document and its chunks: the document first, so that a model reads it once for many chunks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ragfactory.context.analysis_answers import MAX_TOKENS as ANALYSIS_MAX_TOKENS
from ragfactory.context.analysis_answers import analysis_schema
from ragfactory.context.answers import MAX_TOKENS
from ragfactory.context.excerpts import Room, excerpts, opening
from ragfactory.context.prompt import Prompt
from ragfactory.context.sheets import LONGEST_FACTS, PromptSheet, fit_facts
from ragfactory.context.templates import fill, language_of
from ragfactory.context.text import as_data, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ragfactory.chunking.model import Chunk
    from ragfactory.context.analysis import Analysis
    from ragfactory.context.templates import Template
    from ragfactory.documents.model import Document

VERSION = 2  # raise it when the same document would be asked about in another way

# Of a window of 8192 tokens: an answer, and what a chat template puts around the messages.
RESERVED_TOKENS = 192

_PASSAGE_SHARE = 0.25  # of the tokens; a longer passage is shown cut
_LEAST_TOKENS = 200  # of a document, from which on it is worth asking what it is
_ANALYSIS_TOKENS = 4096  # what a document is about stands in its outline and on its first pages
_TITLE_CHARACTERS = 300


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


def sheet_of(
    document: Document,
    chunks: Sequence[Chunk],
    structural: Sequence[str],
    analysis: Analysis,
    *,
    document_type: str,
    types: Sequence[str],
    templates: Mapping[str, Template],
    budget: Budget,
) -> PromptSheet:
    """What a language model is to be asked about the document and about each of its `chunks`, in their order; empty without any.

    `structural` are the chunks' structural contexts, which tell the model where a passage stands, `analysis` is that of the rules,
    and `types` are the document types that the model may suggest. The language is the document's. No prompt is over the budget,
    whatever facts it is given later, as long as the wording leaves room for a passage.
    """
    if not chunks:
        return PromptSheet()
    language = language_of(document.language)
    template = templates[language]
    passages = Room(int(budget.tokens * _PASSAGE_SHARE), budget.count)
    owns = [
        fill(template.own, {"place": as_data(place), "passage": passages.cut(as_data(chunk.text))})
        for chunk, place in zip(chunks, structural, strict=True)
    ]
    title, kind = _title(document), as_data(document_type)
    bare = fill(template.shared, {"title": title, "type": kind, "facts": LONGEST_FACTS, "document": ""})
    room = Room(budget.tokens, budget.count)
    beside = room.left_by(template.instructions, bare, max(owns, key=len), template.again)
    shown = excerpts(document, chunks, beside)
    places = {text: place for place, text in enumerate(dict.fromkeys(shown))}
    return PromptSheet(
        language,
        title,
        kind,
        fit_facts(analysis.summary()),
        tuple(places),
        tuple((places[text], own) for text, own in zip(shown, owns, strict=True)),
        analysis_prompt(
            document, analysis, document_type=document_type, types=types, templates=templates, budget=budget
        ),
    )


def analysis_prompt(
    document: Document,
    analysis: Analysis,
    *,
    document_type: str,
    types: Sequence[str],
    templates: Mapping[str, Template],
    budget: Budget,
) -> Prompt | None:
    """The question what the document is about, for an answer that `read_analysis` takes; None where the budget has no room for it.

    The model is shown the document, or its outline and its beginning, and told what the rules found. The prompt has 4,096 tokens
    at most.
    """
    language = language_of(document.language)
    template = templates[language].analysis
    found = "; ".join(filter(None, (analysis.summary(), analysis.domain, analysis.strategy)))
    values = {"title": _title(document), "type": as_data(document_type), "facts": fit_facts(found)}
    own = fill(template.own, {"types": as_data(", ".join(types))})
    tokens = min(budget.tokens + MAX_TOKENS - ANALYSIS_MAX_TOKENS, _ANALYSIS_TOKENS)
    room = Room(tokens, budget.count).left_by(
        template.instructions, fill(template.shared, {**values, "document": ""}), own
    )
    if room.tokens < _LEAST_TOKENS:
        return None
    shared = fill(template.shared, {**values, "document": opening(document, room)})
    return Prompt(template.instructions, shared, own, language, analysis_schema(types), ANALYSIS_MAX_TOKENS)


def _title(document: Document) -> str:
    return as_data(one_line(document.title or ""))[:_TITLE_CHARACTERS]


def asked_again(prompt: Prompt, templates: Mapping[str, Template]) -> Prompt:
    """A chunk's prompt once more, with a word on what an answer looks like: for a model whose answer was refused."""
    return replace(prompt, own=f"{prompt.own}\n{templates[prompt.language].again.strip()}")
