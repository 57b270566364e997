"""Answers to many prompts at a time: what they share is read once, and whoever is done makes room for the next at once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ragfactory.context.prompt import Completion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from ragfactory.context.llama.chat import ChatTemplate, TokenisedPrompt
    from ragfactory.context.llama.planning import Plan
    from ragfactory.context.llama.session import Session
    from ragfactory.context.llama.vocabulary import Vocabulary
    from ragfactory.context.prompt import Prompt

    # Takes logits `(n, vocabulary)` float32 and the numbers of the n prompts, and returns n tokens.
    Sampler = Callable[[NDArray[np.float32], Sequence[int]], NDArray[np.integer]]

_NONE = np.empty(0, dtype=np.int32)


def greedy(logits: NDArray[np.float32], _numbers: Sequence[int]) -> NDArray[np.integer]:
    """The likeliest token of each row."""
    likeliest: NDArray[np.integer] = logits.argmax(axis=1)
    return likeliest


@dataclass(slots=True)
class Counts:
    """What was done so far: decodes, tokens read and written, and how often there was no memory for a batch."""

    decodes: int = 0
    read: int = 0
    written: int = 0
    shrinks: int = 0


@dataclass(slots=True, eq=False)
class _Sequence:
    """A prompt being answered. `todo` are tokens still to be evaluated; `held` are in memory, those of the prefix among them."""

    number: int
    prompt: TokenisedPrompt
    place: int
    todo: NDArray[np.int32]
    held: int
    reused: int
    written: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Prefix:
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


class _Waiting:
    """Numbered prompts that are not being answered: from an iterator, and those that had to be put back."""

    def __init__(self, prompts: Iterator[tuple[int, TokenisedPrompt]]) -> None:
        self._prompts = prompts
        self._back: deque[tuple[int, TokenisedPrompt]] = deque()

    def next(self) -> tuple[int, TokenisedPrompt] | None:
        """The next one, which stays; None when all were taken."""
        if not self._back:
            self._back.extend([pair] if (pair := next(self._prompts, None)) else [])
        return self._back[0] if self._back else None

    def take(self) -> None:
        """Take what `next` gave."""
        self._back.popleft()

    def put_back(self, number: int, prompt: TokenisedPrompt) -> None:
        """Have a prompt answered later, before all others."""
        self._back.appendleft((number, prompt))


class Generator:
    """Answers prompts on the places of a session, up to `plan.width` at a time.

    Place 0 holds what the prompts of a document share; the others start from it. In one decode every place has its part: the token
    that it wrote last, or its prompt. What place 0 holds stays for prompts that come later.
    """

    def __init__(
        self, session: Session, plan: Plan, template: ChatTemplate, vocabulary: Vocabulary, sampler: Sampler = greedy
    ) -> None:
        self._session = session
        self._plan = plan
        self._template = template
        self._vocabulary = vocabulary
        self._sampler = sampler
        self._width = plan.width
        self._free = list(range(plan.width, 0, -1))
        self._active: list[_Sequence] = []
        self._prefix = _Prefix()
        self._prefix_waits = False
        self._parts: list[tuple[_Sequence, int]] = []  # of the batch: whose, and how many tokens
        self._prefix_part = 0
        self.counts = Counts()

    def complete(self, prompts: Iterable[Prompt]) -> Iterator[tuple[int, Completion]]:
        """The number of each prompt with its answer, as soon as it is there. Prompts are taken when there is a place for them.

        Raises what `Session.decode` raises; nothing of these prompts is left in memory then.
        """
        limit = min(self._plan.prompt, self._session.context - self._plan.answer)
        waiting = _Waiting((number, self._template.tokens(prompt, limit)) for number, prompt in enumerate(prompts))
        try:
            while self._admit(waiting):
                self._fill()
                while not self._decode():
                    self._make_room(waiting)
                    self._fill()
                yield from self._take_tokens()
        except BaseException:  # one who stops early included
            self._reset()
            raise

    def _admit(self, waiting: _Waiting) -> bool:
        """Give free places to prompts that wait and start from what place 0 holds. False when there is no more to do."""
        while len(self._active) < self._width and (pair := waiting.next()):
            number, prompt = pair
            self._start_from(prompt.prefix)
            if not self._prefix.is_ready:
                break
            waiting.take()
            place = self._free.pop()
            self._session.share(place)
            held, fresh = self._prefix.held, self._prefix.fresh
            self._prefix.fresh = 0
            self._active.append(_Sequence(number, prompt, place, prompt.own, held, reused=held - fresh))
        return bool(self._active) or not self._prefix.is_ready

    def _start_from(self, tokens: NDArray[np.int32]) -> None:
        """Have place 0 hold these tokens; what it holds of them already stays."""
        prefix = self._prefix
        if np.array_equal(prefix.tokens, tokens):
            return
        common = min(_common(prefix.tokens, tokens), prefix.held)
        self._session.forget(0, common)
        self._prefix = _Prefix(tokens, common, fresh=max(0, common - (prefix.held - prefix.fresh)))
        self._width = self._plan.width

    def _fill(self) -> None:
        """Put into the batch what each place has to do, the least first, so that those who write are never kept waiting."""
        batch = self._session.batch
        batch.clear()
        self._parts = []
        for sequence in sorted(self._active, key=lambda sequence: len(sequence.todo)):
            part = sequence.todo[: batch.room]
            if len(part):
                batch.add(sequence.place, sequence.held, part, output=len(part) == len(sequence.todo))
                self._parts.append((sequence, len(part)))
        part = self._prefix.todo[: 0 if self._prefix_waits else batch.room]
        if len(part):
            batch.add(0, self._prefix.held, part, output=False)
        self._prefix_part = len(part)

    def _decode(self) -> bool:
        """Evaluate the batch and note what is in memory now. False when there is no memory for it."""
        self.counts.decodes += 1
        if not self._session.decode():
            return False
        for sequence, count in self._parts:
            sequence.held += count
            sequence.todo = sequence.todo[count:]
            self.counts.read += 0 if sequence.written else count
        self._prefix.held += self._prefix_part
        self._prefix.fresh += self._prefix_part
        self.counts.read += self._prefix_part
        return True

    def _make_room(self, waiting: _Waiting) -> None:
        """After a batch for which there is no memory: have the next prefix wait, else the youngest prompt, else drop the prefix."""
        self.counts.shrinks += 1
        if self._prefix_part and self._active:
            self._prefix_waits = True
        elif len(self._active) > 1:
            youngest = self._active.pop()
            self._leave(youngest)
            waiting.put_back(youngest.number, youngest.prompt)
            self._width = len(self._active)
        elif self._active and self._prefix.held:
            self._session.forget(0)
            self._prefix = _Prefix()
        else:
            raise RuntimeError(f"no memory for a prompt in {self._session.context} tokens")

    def _take_tokens(self) -> Iterator[tuple[int, Completion]]:
        """Have every place that was read to its end write a token, and give out the answers that this ends."""
        writing = [sequence for sequence, _ in self._parts if not len(sequence.todo)]
        if not writing:
            return
        chosen = self._sampler(self._session.logits(), [sequence.number for sequence in writing])
        done = []
        for sequence, token in zip(writing, chosen.tolist(), strict=True):
            if not self._vocabulary.is_end(token):
                sequence.written.append(token)
                sequence.todo = np.array([token], dtype=np.int32)
                self.counts.written += 1
                if len(sequence.written) < self._plan.answer:
                    continue
            done.append(sequence)
            self._active.remove(sequence)
            self._leave(sequence)
            self._prefix_waits = False
        for sequence in done:
            yield sequence.number, self._completion(sequence)

    def _completion(self, sequence: _Sequence) -> Completion:
        return Completion(
            text=self._vocabulary.text(sequence.written),
            read=len(sequence.prompt.prefix) + len(sequence.prompt.own) - sequence.reused,
            reused=sequence.reused,
            written=len(sequence.written),
            cut=sequence.prompt.cut,
        )

    def _leave(self, sequence: _Sequence) -> None:
        self._session.forget(sequence.place)
        self._free.append(sequence.place)

    def _reset(self) -> None:
        self._session.clear()
        self._free += [sequence.place for sequence in self._active]
        self._active.clear()
        self._prefix = _Prefix()
        self._prefix_waits = False


def _common(one: NDArray[np.int32], other: NDArray[np.int32]) -> int:
    """How many tokens two texts have in common from their start."""
    length = min(len(one), len(other))
    differing = np.flatnonzero(one[:length] != other[:length])
    return int(differing[0]) if len(differing) else length
