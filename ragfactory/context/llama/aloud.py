"""A GGUF that answers one prompt at a time, and tells what it writes while it writes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ragfactory.context.llama.engine import LlamaEngine
from ragfactory.context.llama.generation import greedy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ragfactory.context.llama.planning import Wish
    from ragfactory.context.prompt import Completion, Prompt

    Tell = Callable[[str], None]


class Aloud:
    """Greedy answers on one device. `room` is the longest prompt, in tokens."""

    def __init__(self, path: Path, device: str, wish: Wish, *, keep_free_mb: int = 0) -> None:
        """Load the model. Raises what `LlamaEngine.open` raises."""
        self._engine = LlamaEngine.open(
            path, device, replace(wish, width=1), keep_free_mb=keep_free_mb, sampler=self._choose
        )
        self.room = self._engine.plan.prompt
        self.note = self._engine.note
        self._written: list[int] = []
        self._told = 0
        self._tell: Tell = _to_nobody

    def complete(self, prompt: Prompt, tell: Tell) -> Completion:
        """The answer; `tell` gets it piece by piece meanwhile. Raises what `LlamaEngine.complete` raises."""
        self._written, self._told, self._tell = [], 0, tell
        ((_, completion),) = self._engine.complete([prompt])
        return completion

    def close(self) -> None:
        """Free its memory."""
        self._engine.close()

    def _choose(self, logits: NDArray[np.float32], numbers: Sequence[int]) -> NDArray[np.integer]:
        """The likeliest token, told as soon as it is chosen; a character of several tokens is told with its last."""
        tokens = greedy(logits, numbers)
        vocabulary = self._engine.model.vocabulary
        if not vocabulary.is_end(int(tokens[0])):
            self._written.append(int(tokens[0]))
            text = vocabulary.text(self._written)
            self._tell(text[self._told :])
            self._told = len(text)
        return tokens


def _to_nobody(_piece: str) -> None:
    """Tell nobody."""
