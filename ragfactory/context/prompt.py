"""What a context writer that uses a language model is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question about one chunk. Prompts that share a document's part follow each other, so that a model reads it once.

    `instructions` is the system's message. The user's message is `shared`, the document's part, followed by `own`, the chunk's
    part: document text in both is data, never markup of a chat. `language` is that of the answer: nl, de, fr or en.
    """

    instructions: str
    shared: str
    own: str
    language: str


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


@dataclass(frozen=True, slots=True)
class PromptSheet:
    """The prompts for a document's chunks, in their order, with every document's part told once.

    `owns` has for each chunk the position of its document's part in `shared`, and its own part.
    """

    instructions: str = ""
    language: str = ""
    shared: tuple[str, ...] = ()
    owns: tuple[tuple[int, str], ...] = ()

    @classmethod
    def of(cls, prompts: Sequence[Prompt]) -> PromptSheet:
        """The sheet of prompts that have their instructions and language in common."""
        if not prompts:
            return cls()
        shared = {text: i for i, text in enumerate(dict.fromkeys(prompt.shared for prompt in prompts))}
        owns = tuple((shared[prompt.shared], prompt.own) for prompt in prompts)
        return cls(prompts[0].instructions, prompts[0].language, tuple(shared), owns)

    def prompts(self) -> list[Prompt]:
        """The prompts."""
        return [Prompt(self.instructions, self.shared[i], own, self.language) for i, own in self.owns]
