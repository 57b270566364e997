"""Answers to many prompts at a time: what they share is read once, and whoever is done makes room for the next at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ragfactory.context.llama.grammar import Grammar
from ragfactory.context.llama.sequences import Answering, Asked, Prefix, Waiting
from ragfactory.context.prompt import Completion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from ragfactory.context.llama.chat import ChatTemplate
    from ragfactory.context.llama.planning import Plan
    from ragfactory.context.llama.session import Session
    from ragfactory.context.llama.vocabulary import Vocabulary
    from ragfactory.context.prompt import Prompt

    # Takes logits `(n, vocabulary)` float32 and the numbers of the n prompts, and returns n tokens.
    Sampler = Callable[[NDArray[np.float32], Sequence[int]], NDArray[np.integer]]


# Reading a token gets dearer by others in memory; writing one, by being alone and not among many. With so many others, by as much.
# Measured on a CPU, where attention without flash goes over all that is in memory, whoever it is of.
_OTHERS = 10_000


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


class Generator:
    """Answers prompts on the places of a session, up to `plan.width` at a time.

    Place 0 holds what the prompts of a document share; the others start from it. In one decode every place has its part: the token
    that it wrote last, or its prompt. What place 0 holds stays for prompts that come later. An answer that is to have a shape is
    held to it token by token: it gets the likeliest that its grammar allows, whatever the sampler chose.
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
        self._active: list[Answering] = []
        self._prefix = Prefix()
        self._prefix_waits = False
        self._parts: list[tuple[Answering, int]] = []  # of the batch: whose, and how many tokens
        self._prefix_part = 0
        self.counts = Counts()

    def complete(self, prompts: Iterable[Prompt]) -> Iterator[tuple[int, Completion]]:
        """The number of each prompt with its answer, as soon as it is there. Prompts are taken when there is a place for them.

        Raises what `Session.decode` raises; nothing of these prompts is left in memory then.
        """
        waiting = Waiting(self._asked(number, prompt) for number, prompt in enumerate(prompts))
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

    def _asked(self, number: int, prompt: Prompt) -> Asked:
        """A prompt as it is put to the model: cut, where it and its answer are longer than what the model reads."""
        most = prompt.max_tokens or self._plan.answer
        limit = min(self._plan.prompt + self._plan.answer, self._session.context) - most
        return Asked(number, self._template.tokens(prompt, limit), most, prompt.schema)

    def _admit(self, waiting: Waiting) -> bool:
        """Give free places to prompts that wait and start from what place 0 holds. False when there is no more to do."""
        while len(self._active) < self._width and (asked := waiting.next()):
            self._start_from(asked.prompt.prefix)
            if not self._prefix.is_ready:
                break
            grammar = Grammar(asked.schema, self._vocabulary) if asked.schema is not None else None
            waiting.take()
            place = self._free.pop()
            self._session.share(place)
            held, fresh = self._prefix.held, self._prefix.fresh
            self._prefix.fresh = 0
            self._active.append(Answering(asked, grammar, place, asked.prompt.own, held, reused=held - fresh))
        return bool(self._active) or not self._prefix.is_ready

    def _start_from(self, tokens: NDArray[np.int32]) -> None:
        """Have place 0 hold these tokens; what it holds of them already stays."""
        prefix = self._prefix
        if np.array_equal(prefix.tokens, tokens):
            return
        common = min(_common(prefix.tokens, tokens), prefix.held)
        self._session.forget(0, common)
        self._prefix = Prefix(tokens, common, fresh=max(0, common - (prefix.held - prefix.fresh)))
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
        part = self._prefix.todo[: 0 if self._prefix_waits or self._is_prefix_cheaper_later() else batch.room]
        if len(part):
            batch.add(0, self._prefix.held, part, output=False)
        self._prefix_part = len(part)

    def _is_prefix_cheaper_later(self) -> bool:
        """Whether to read the next prefix when the answers under way are done, though those who write get fewer until then."""
        if self._plan.flash or not self._active:
            return False
        shared = [len(sequence.asked.prompt.prefix) for sequence in self._active]
        others = max(shared) + sum(s.held for s in self._active) - sum(shared)
        to_write = sum(sequence.asked.most - len(sequence.written) for sequence in self._active)
        return len(self._prefix.todo) * others > to_write * _OTHERS

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

    def _make_room(self, waiting: Waiting) -> None:
        """After a batch for which there is no memory: have the next prefix wait, else the youngest prompt, else drop the prefix."""
        self.counts.shrinks += 1
        if self._prefix_part and self._active:
            self._prefix_waits = True
        elif len(self._active) > 1:
            youngest = self._active.pop()
            self._leave(youngest)
            waiting.put_back(youngest.asked)
            self._width = len(self._active)
        elif self._active and self._prefix.held:
            self._session.forget(0)
            self._prefix = Prefix()
        else:
            raise RuntimeError(f"no memory for a prompt in {self._session.context} tokens")

    def _take_tokens(self) -> Iterator[tuple[int, Completion]]:
        """Have every place that was read to its end write a token, and give out the answers that this ends."""
        writing = [sequence for sequence, _ in self._parts if not len(sequence.todo)]
        if not writing:
            return
        logits = self._session.logits()
        chosen = self._sampler(logits, [sequence.asked.number for sequence in writing]).tolist()
        done = []
        for sequence, free, row in zip(writing, chosen, logits, strict=True):
            token = free if sequence.grammar is None else sequence.grammar.choose(row)
            if token is not None and not self._vocabulary.is_end(token):
                sequence.take(token)
                self.counts.written += 1
                if len(sequence.written) < sequence.asked.most:
                    continue
            done.append(sequence)
            self._active.remove(sequence)
            self._leave(sequence)
            self._prefix_waits = False
        for sequence in done:
            yield sequence.asked.number, self._completion(sequence)

    def _completion(self, sequence: Answering) -> Completion:
        prompt = sequence.asked.prompt
        return Completion(
            text=self._vocabulary.text(sequence.written),
            read=len(prompt.prefix) + len(prompt.own) - sequence.reused,
            reused=sequence.reused,
            written=len(sequence.written),
            cut=prompt.cut,
        )

    def _leave(self, sequence: Answering) -> None:
        sequence.close()
        self._session.forget(sequence.place)
        self._free.append(sequence.place)

    def _reset(self) -> None:
        self._session.clear()
        for sequence in self._active:
            sequence.close()
        self._free += [sequence.place for sequence in self._active]
        self._active.clear()
        self._prefix = Prefix()
        self._prefix_waits = False


def _common(one: NDArray[np.int32], other: NDArray[np.int32]) -> int:
    """How many tokens two texts have in common from their start."""
    length = min(len(one), len(other))
    differing = np.flatnonzero(one[:length] != other[:length])
    return int(differing[0]) if len(differing) else length
