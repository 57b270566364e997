"""What those who write answers have in common: what they can be asked, and how much they can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.context.language_models import Kind
    from ragfactory.context.prompt import Prompt

    Listen = Callable[[str], None]

ANSWER_TOKENS = 400
PROMPT_TOKENS = 768  # instructions and question
_CHARACTERS_A_TOKEN = 2.5  # rather too few than too many


class AnswerWriter(Protocol):
    """Someone who writes an answer. `room` is the characters of passages that it can read, `device` where on this machine it
    wrote last, and `notes` say, a line each, what went wrong with devices.
    """

    by: Kind
    room: int
    device: str | None
    notes: tuple[str, ...]

    def write(self, prompt: Prompt, listen: Listen) -> str:
        """The whole answer; `listen` gets it piece by piece meanwhile. Raises ModelUnavailableError."""

    def close(self) -> None:
        """Let go of its memory."""


def room_in(window: int) -> int:
    """The characters of passages that fit into a window of so many tokens, with a question and an answer."""
    return max(0, int((window - PROMPT_TOKENS - ANSWER_TOKENS) * _CHARACTERS_A_TOKEN))
