"""What a context writer that uses a language model is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question about one chunk, or a document. Prompts that share a document's part follow each other: a model reads it once.

    `instructions` is the system's message. The user's message is `shared`, the document's part, followed by `own`, the chunk's
    part: document text in both is data, never markup of a chat. `language` is that of the answer: nl, de, fr or en.

    `schema`, a JSON schema as JSON, asks for an answer of that shape: what is written is JSON of it, or the beginning of some where
    `max_tokens` cut it off. Where `max_tokens` says nothing, the cap is the sampling's.
    """

    instructions: str
    shared: str
    own: str
    language: str
    schema: str | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote, as it came, and its cost in tokens.

    `read` counts the prompt's tokens that were evaluated for it, `reused` those that a prompt before it had left in memory, and
    `written` the answer's. `cut` tokens of the document's part were left out, since the model reads no more. A server that does not
    tell these leaves them 0.
    """

    text: str
    read: int = 0
    reused: int = 0
    written: int = 0
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a prompt has no completion; one that is `unfit` was refused by every server, as it would be the next time."""

    reason: str
    unfit: bool = False
