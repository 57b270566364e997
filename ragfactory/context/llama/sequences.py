"""What a generator keeps of each prompt: those that wait, those that are being answered, and what several of them start from."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ragfactory.context.llama.chat import TokenisedPrompt
    from ragfactory.context.llama.grammar import Grammar

_NONE = np.empty(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt with its number, the most tokens its answer may have, and the JSON schema of that, where it is to have a shape."""

    number: int
    prompt: TokenisedPrompt
    most: int
    schema: str | None


@dataclass(slots=True, eq=False)
class Answering:
    """A prompt being answered. `todo` are tokens still to be evaluated; `held` are in memory, those of the prefix among them."""

    asked: Asked
    grammar: Grammar | None
    place: int
    todo: NDArray[np.int32]
    held: int
    reused: int
    written: list[int] = field(default_factory=list)

    def take(self, token: int) -> None:
        """Go on with a token that was chosen."""
        self.written.append(token)
        self.todo = np.array([token], dtype=np.int32)
        if self.grammar is not None:
            self.grammar.accept(token)

    def close(self) -> None:
        """Be done, or begin anew later."""
        if self.grammar is not None:
            self.grammar.close()


@dataclass(slots=True)
class Prefix:
    """What place 0 holds, or shall hold, for prompts to start from: the first `held` of `tokens` are in memory.

    `fresh` of them were evaluated since a prompt last started from it.
    """

    tokens: NDArray[np.int32] = field(default_factory=_NONE.copy)
    held: int = 0
    fresh: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether all of it is in memory."""
        return self.held == len(self.tokens)

    @property
    def todo(self) -> NDArray[np.int32]:
        """What is still to be evaluated."""
        return self.tokens[self.held :]


class Waiting:
    """Prompts that are not being answered: from an iterator, and those that had to be put back."""

    def __init__(self, prompts: Iterator[Asked]) -> None:
        self._prompts = prompts
        self._back: deque[Asked] = deque()

    def next(self) -> Asked | None:
        """The next one, which stays; None when all were taken."""
        if not self._back:
            self._back.extend([asked] if (asked := next(self._prompts, None)) else [])
        return self._back[0] if self._back else None

    def take(self) -> None:
        """Take what `next` gave."""
        self._back.popleft()

    def put_back(self, asked: Asked) -> None:
        """Have a prompt answered later, before all others."""
        self._back.appendleft(asked)
