"""Questions to one language model: answers that are kept are taken, the others asked for, checked, and kept as they come."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ragfactory import events
from ragfactory.context.answers import Refusal
from ragfactory.context.cache import RunCounts
from ragfactory.context.prompt import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ragfactory.context.cache import ContextCache, Model
    from ragfactory.context.prompt import Completion, Prompt
    from ragfactory.events import Listener
    from ragfactory.pipeline.answers import Answerer

_STRIKES = 3  # refused questions that a run can do without, after which it does

REFUSED = ""  # what is kept for a prompt whose answer was refused twice, or that no server takes


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt under its key, about a document. `check` makes of an answer what is kept of it, and `again` of a prompt whose answer
    was refused the one to try next, where there is one. A run can do without the answer to one that is `optional`: it counts
    neither as asked nor as left.
    """

    key: bytes
    prompt: Prompt
    document: str
    check: Callable[[str, Prompt], str | Refusal]
    again: Callable[[Prompt], Prompt] | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a question: a `text`, REFUSED, or None when it is still to be asked; `is_new` where this run was told it."""

    text: str | None
    is_new: bool = False


class Allowance:
    """How many more contexts a run may ask for; None is as many as there are."""

    def __init__(self, limit: int | None) -> None:
        self._left = limit

    def take(self, wanted: int) -> int:
        """How many of the wanted ones may be asked for; they are taken off."""
        if self._left is None:
            return wanted
        granted = min(wanted, self._left)
        self._left -= granted
        return granted

    def give_back(self, unused: int) -> None:
        """Let others have what was taken and not used."""
        if self._left is not None:
            self._left += unused


class Inquiry:
    """What a run asks one model. Everything happens in `submit` and `poll`: it wants to be polled several times a second."""

    def __init__(
        self, model: Model, cache: ContextCache, open_answerer: Callable[[], Answerer], emit: Listener
    ) -> None:
        self._model = model
        self._cache = cache
        self._open_answerer = open_answerer
        self._answerer: Answerer | None = None
        self._emit = emit
        self._open: dict[bytes, Question] = {}  # under way, by key
        self._asked_again: set[bytes] = set()
        self._unfit: set[bytes] = set()  # no server takes these: kept as refused once a server is known to take any
        self._replies: dict[bytes, Reply] = {}
        self._since = 0.0
        self._works = False
        self._options_work = False
        self._options_refused = 0
        self._given_up = False
        self._failure: str | None = None
        self._left = 0
        self.counts = RunCounts(0, 0, 0, 0)

    @property
    def under_way(self) -> int:
        """How many questions have no reply yet, and may still get one."""
        return len(self._open) - len(self._unfit)

    def submit(self, questions: Iterable[Question], *, at_most: int) -> int:
        """Take questions in; `poll` gives the replies. One that is under way already is not asked twice, and of those that nobody
        can do without no more than `at_most` are asked; where that is 0, none is. Returns how many of these are.

        Raises ContextCacheError, and what opening the model raises.
        """
        known = self._open.keys() | self._replies.keys()
        new = {question.key: question for question in questions if question.key not in known}
        kept = self._cache.find(list(new))
        self._replies |= {key: Reply(text) for key, text in kept.items()}
        missing = [question for key, question in new.items() if key not in kept]
        needed = [question for question in missing if not question.optional][: 0 if self._given_up else at_most]
        options = [question for question in missing if question.optional and at_most and self._asks_options]
        self._open |= {question.key: question for question in (*needed, *options)}
        self._replies |= {question.key: Reply(None) for question in missing if question.key not in self._open}
        self._count(
            asked=sum(not question.optional for question in new.values()),
            found=sum(not new[key].optional for key in kept),
        )
        if needed or options:
            self._send([*needed, *options])
        return len(needed)

    def poll(self, timeout_s: float) -> dict[bytes, Reply]:
        """The replies that came since the last time, by key; waits up to `timeout_s` seconds for the first.

        Raises ContextCacheError, DeviceUnavailableError.
        """
        self._listen(0.0 if self._replies else timeout_s)
        replies, self._replies = self._replies, {}
        return replies

    def give_up(self) -> None:
        """Ask no more before it has rested: what has no reply yet is left to the next run. Raises what `poll` raises."""
        if self._given_up:
            return
        self._given_up = True
        self._listen(0.0)  # what came by now is paid for
        self.stop()
        self._left += sum(not question.optional for question in self._open.values())
        self._replies |= dict.fromkeys(self._open, Reply(None))
        self._open.clear()
        self._unfit.clear()
        self._asked_again.clear()

    def stop(self) -> None:
        """Have the model give up what is under way."""
        if self._open and self._answerer is not None:
            self._answerer.stop()

    def rest(self) -> None:
        """Learn that there is no work for now, and tell what could not be had."""
        assert not self._open, "what is under way is waited for or given up"
        if self._answerer is not None:
            self._answerer.rest()
        if self._failure is not None:
            what = f"{self._left:,} contexts are left to the next run" if self._left else "some passages get no context"
            self._emit(events.Notice(f"{what}: {self._failure}", alarm=True))
        elif self.counts.refused >= _STRIKES and not self.counts.written:
            what = f"{self._model.name} wrote nothing that is a context, {self.counts.refused:,} answers were refused"
            self._emit(events.Notice(f"{what}: try another model, or another wording (enrich.prompts)", alarm=True))
        self._failure, self._left, self._given_up = None, 0, False

    def _send(self, questions: Sequence[Question]) -> None:
        if self._answerer is None:
            self._emit(events.Notice(f"{self._model.name} is asked for contexts"))
            self._answerer = self._open_answerer()
        if not self._answerer.under_way:
            self._since = time.perf_counter()
        self._answerer.submit([(question.key, question.prompt, question.document) for question in questions])

    @property
    def _asks_options(self) -> bool:
        """Whether questions are asked that a run can do without: not where servers answer none, as those that know no shapes."""
        return not self._given_up and self._options_refused < _STRIKES

    def _listen(self, timeout_s: float) -> None:
        if self._answerer is not None:
            for key, answer in self._answerer.poll(timeout_s):
                self._take_in(self._open[key], answer)
        if not self.under_way:
            self._leave_unfit()

    def _take_in(self, question: Question, answer: Completion | Failure) -> None:
        if isinstance(answer, Failure):
            self._fail(question, answer)
            return
        self._note_that_it_works()
        seconds, self._since = time.perf_counter() - self._since, time.perf_counter()
        was_asked_again = question.key in self._asked_again
        cost = (answer.read, answer.reused, answer.written)
        kept = question.check(answer.text, question.prompt)
        may_retry = not question.optional and question.again is not None and not was_asked_again
        settled = not (isinstance(kept, Refusal) and may_retry)
        asked = events.Asked(1, seconds, *cost, again=was_asked_again, analysis=question.optional, settled=settled)
        self._emit(asked)
        if not isinstance(kept, Refusal):
            if question.optional:
                self._options_work, self._options_refused = True, 0
            self._keep(question, kept)
        elif question.optional and not self._options_work:
            self._refuse_option(question, kept.reason)
        elif question.again is None or was_asked_again:
            self._keep(question, REFUSED)
        elif self._given_up:
            self._left += 1
            self._end(question, Reply(None))
        else:
            self._asked_again.add(question.key)
            self._open[question.key] = again = replace(question, prompt=question.again(question.prompt))
            self._send([again])

    def _fail(self, question: Question, failure: Failure) -> None:
        if question.optional:
            if failure.unfit:
                self._refuse_option(question, failure.reason)
            else:
                self._end(question, Reply(None))
            return
        self._failure = failure.reason
        if not failure.unfit:
            self._left += 1
            self._end(question, Reply(None))
        elif self._works:
            self._keep(question, REFUSED)
        else:
            self._unfit.add(question.key)

    def _refuse_option(self, question: Question, reason: str) -> None:
        """A model that answered none of these yet may never, and is asked no more. Nothing is kept: another night it may."""
        self._options_refused += 1
        if self._options_refused == _STRIKES:
            self._emit(events.Notice(f"{self._model.name} does not analyse documents, rules do: {reason}", alarm=True))
        self._end(question, Reply(None))

    def _note_that_it_works(self) -> None:
        """Servers that refuse every prompt are set up wrongly; once one answered, the prompts that are refused are to blame."""
        self._works = True
        for key in self._unfit:
            self._keep(self._open[key], REFUSED)
        self._unfit.clear()

    def _leave_unfit(self) -> None:
        """Leave the prompts that no server takes to the next run: no answer is under way that could clear the servers."""
        for key in self._unfit:
            self._left += 1
            self._end(self._open[key], Reply(None))
        self._unfit.clear()

    def _keep(self, question: Question, text: str) -> None:
        self._cache.put(self._model, [(question.key, text)])
        if not question.optional:
            self._count(written=text != REFUSED, refused=text == REFUSED)
        self._end(question, Reply(text, is_new=True))

    def _end(self, question: Question, reply: Reply) -> None:
        del self._open[question.key]
        self._asked_again.discard(question.key)
        self._replies[question.key] = reply

    def _count(self, *, asked: int = 0, found: int = 0, written: int = 0, refused: int = 0) -> None:
        before = self.counts
        self.counts = RunCounts(
            before.asked + asked, before.found + found, before.written + written, before.refused + refused
        )
