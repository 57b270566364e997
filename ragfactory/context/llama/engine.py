"""A context writer's model, ready to answer: the file opened, the plan made from free memory, everything put together."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from ragfactory.context.llama.chat import ChatTemplate
from ragfactory.context.llama.generation import Generator, greedy
from ragfactory.context.llama.memory import free_mb
from ragfactory.context.llama.model import LlamaModel, read_shape
from ragfactory.context.llama.planning import plan
from ragfactory.context.llama.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ragfactory.context.llama.generation import Counts, Sampler
    from ragfactory.context.llama.planning import Plan, Wish
    from ragfactory.context.prompt import Completion, Prompt


class LlamaEngine:
    """Answers prompts with a GGUF on one device. Use it as a context manager, or `close` it."""

    def __init__(self, path: Path, device: str, made: Plan, *, sampler: Sampler = greedy) -> None:
        """Load the model onto `cpu` or the first card that CUDA shows, with memory as planned.

        Raises what `LlamaModel.open` and `Session` raise.
        """
        self.plan = made
        with ExitStack() as stack:
            self.model = LlamaModel.open(path, device)
            stack.callback(self.model.close)
            session = Session(self.model, made, device)
            stack.callback(session.close)
            template = ChatTemplate(self.model)
            self.note = template.note
            self._generator = Generator(session, made, template, self.model.vocabulary, sampler)
            self._stack = stack.pop_all()

    @classmethod
    def open(
        cls, path: Path, device: str, wish: Wish | None = None, *, keep_free_mb: int = 0, sampler: Sampler = greedy
    ) -> Self:
        """The model with the best plan for what the device has free now, less what is kept. Raises what `plan` raises too."""
        made = plan(read_shape(path), free_mb(device) - keep_free_mb, wish, device=device)
        return cls(path, device, made, sampler=sampler)

    @property
    def counts(self) -> Counts:
        """What was done so far."""
        return self._generator.counts

    def complete(self, prompts: Iterable[Prompt]) -> Iterator[tuple[int, Completion]]:
        """The number of each prompt with its answer, as they come. Prompts that share a part should follow each other."""
        return self._generator.complete(prompts)

    def close(self) -> None:
        """Free its memory."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
