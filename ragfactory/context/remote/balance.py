"""Which server gets which prompt: free ones pull, a document's prompts keep to one server, and servers that fail rest."""

from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from ragfactory.context.prompt import Failure
from ragfactory.context.remote.calling import UnfitError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.context.prompt import Completion, Prompt
    from ragfactory.context.remote.calling import CallError
    from ragfactory.context.remote.servers import Patience

Key = TypeVar("Key")


@dataclass(slots=True)
class Job(Generic[Key]):
    """A prompt on its way: how often it was sent in vain, the servers it failed on, and those of them that will never take it."""

    key: Key
    prompt: Prompt
    tries: int = 0
    failed_on: set[int] = field(default_factory=set)
    refused_by: set[int] = field(default_factory=set)

    @property
    def group(self) -> int:
        """What prompts with the same part of a document have in common. Two that are taken for one only share a server."""
        return hash(self.prompt.shared)


@dataclass(slots=True)
class ServerState:
    """How a server is doing: `answered` requests with their `tokens`, read and written, and the `seconds` in which any was under
    way. `failures` counts those in a row; `epoch` tells requests that were sent before the last of them.
    """

    name: str
    answered: int = 0
    tokens: int = 0
    seconds: float = 0.0
    failed: int = 0
    failures: int = 0
    refusals: int = 0
    epoch: int = 0
    rests_until: float = 0.0
    reason: str = ""
    dropped: bool = False


class Balance(Generic[Key]):
    """Hands prompts to the threads that ask servers, and their results to the one who waits for them."""

    def __init__(self, states: Sequence[ServerState], patience: Patience) -> None:
        self._states = states
        self._patience = patience
        self._changed = threading.Condition()
        self._waiting: OrderedDict[int, deque[Job[Key]]] = OrderedDict()
        self._server_of: dict[int, int] = {}
        self._results: deque[tuple[Key, Completion | Failure]] = deque()
        self._under_way = 0
        # Of this object's threads: those of one before it may take their time to end.
        self._in_flight = [0] * len(states)
        self._busy_since = [0.0] * len(states)
        self._stopped = False
        self._error: BaseException | None = None

    # The one who asks for completions.

    @property
    def under_way(self) -> int:
        """How many prompts were offered whose results were not taken yet."""
        return self._under_way

    def offer(self, job: Job[Key]) -> None:
        """Add a prompt."""
        with self._changed:
            self._under_way += 1
            self._put(job)
            self._changed.notify_all()

    def stop(self) -> None:
        """Have every thread end; what is under way is given up."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def results(self, timeout_s: float | None = None) -> list[tuple[Key, Completion | Failure]]:
        """What came since the last time: prompts' keys with their completions, or why they have none. It waits for the first up to
        `timeout_s` seconds, None as long as it takes. Raises what `broke` was told.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._results or self._stopped or not self._under_way, timeout_s)
            if self._error is not None:
                raise self._error
            results = list(self._results)
            self._results.clear()
            self._under_way -= len(results)
        return results

    # The threads that ask servers.

    def take(self, server: int) -> tuple[Job[Key], int] | None:
        """The next prompt for a server, and the epoch in which it is sent; waits for one. None when the server gets no more."""
        state = self._states[server]
        with self._changed:
            while not (self._stopped or state.dropped):
                rest = state.rests_until - time.monotonic()
                probing = not state.answered or state.failures >= self._patience.strikes
                if rest <= 0 and not (probing and self._in_flight[server]) and (job := self._next(server)) is not None:
                    self._begin_request(server)
                    return job, state.epoch
                self._changed.wait(rest if rest > 0 else None)
            return None

    def answered(self, server: int, job: Job[Key], completion: Completion) -> None:
        """Hand in a completion."""
        state = self._states[server]
        with self._changed:
            self._end_request(server)
            state.answered += 1
            state.tokens += completion.read + completion.written
            state.failures = state.refusals = 0
            self._end(job, completion)
            self._changed.notify_all()

    def failed(self, server: int, job: Job[Key], epoch: int, error: CallError) -> None:
        """Hand a prompt back that a server did not answer: it goes elsewhere, or to the same server later, or is given up."""
        state = self._states[server]
        with self._changed:
            self._end_request(server)
            if self._stopped:  # it was hung up on
                return
            state.failed += 1
            state.reason = str(error)
            job.failed_on.add(server)
            if isinstance(error, UnfitError):
                job.refused_by.add(server)
                if job.prompt.schema is None:  # many servers write no answers of a shape, and all others
                    self._refused(state)
            elif isinstance(error, UnreachableError):
                job.tries += 1
                if epoch == state.epoch:  # of requests that fail together, the first counts
                    self._rest(state, error.wait_s)
            else:
                state.dropped = True
            if job.tries >= self._patience.tries:
                self._end(job, Failure(f"{state.name}: {error}"))
            else:
                self._put(job, first=True)
            self._end_hopeless()
            self._changed.notify_all()

    def broke(self, error: BaseException) -> None:
        """Say that a thread ends by an error that nobody foresaw, which `results` then raises."""
        with self._changed:
            self._stopped, self._error = True, error
            self._changed.notify_all()

    # What follows is called with the lock held.

    def _begin_request(self, server: int) -> None:
        if not self._in_flight[server]:
            self._busy_since[server] = time.monotonic()
        self._in_flight[server] += 1

    def _end_request(self, server: int) -> None:
        now = time.monotonic()
        self._in_flight[server] -= 1
        self._states[server].seconds += now - self._busy_since[server]
        self._busy_since[server] = now

    def _put(self, job: Job[Key], *, first: bool = False) -> None:
        if self._is_hopeless(job):
            self._end(job, Failure(self._why(), unfit=len(job.refused_by) == len(self._states)))
            return
        jobs = self._waiting.setdefault(job.group, deque())
        if first:
            jobs.appendleft(job)
        else:
            jobs.append(job)

    def _end(self, job: Job[Key], result: Completion | Failure) -> None:
        self._results.append((job.key, result))

    def _next(self, server: int) -> Job[Key] | None:
        """A prompt of a document that this server knows, else of one that no server has which works, else of the one that has most
        left.
        """
        own: list[int] = []
        free: list[int] = []
        others: list[int] = []
        for group in self._waiting:
            owner = self._server_of.get(group)
            is_free = owner is None or self._states[owner].dropped or self._states[owner].failures
            (own if owner == server else free if is_free else others).append(group)
        others.sort(key=lambda group: -len(self._waiting[group]))
        for group in (*own, *free, *others):
            if (job := self._from(group, server)) is not None:
                if group in free:
                    self._server_of[group] = server
                return job
        return None

    def _from(self, group: int, server: int) -> Job[Key] | None:
        """The first prompt of a group that this server may have: one that it failed on is left to others, where there are any."""
        jobs = self._waiting[group]
        for job in jobs:
            if server not in job.refused_by and (server not in job.failed_on or not self._another_works(job)):
                jobs.remove(job)
                if not jobs:
                    del self._waiting[group]
                return job
        return None

    def _another_works(self, job: Job[Key]) -> bool:
        return any(
            index not in job.failed_on and not state.dropped and state.failures < self._patience.strikes
            for index, state in enumerate(self._states)
        )

    def _rest(self, state: ServerState, wait_s: float) -> None:
        state.epoch += 1
        state.failures += 1
        longest = min(self._patience.first_rest_s * 2 ** (state.failures - 1), self._patience.longest_rest_s)
        jittered = longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients over time, keeps no secret
        state.rests_until = time.monotonic() + max(jittered, wait_s)

    def _refused(self, state: ServerState) -> None:
        """A server that never answered and refuses several prompts refuses what they have in common."""
        state.refusals += 1
        state.dropped = not state.answered and state.refusals >= self._patience.strikes

    def _is_hopeless(self, job: Job[Key]) -> bool:
        """Whether no server is left that may take it."""
        return all(
            state.dropped or state.failures >= self._patience.give_up or index in job.refused_by
            for index, state in enumerate(self._states)
        )

    def _why(self) -> str:
        return "no server is left: " + "; ".join(
            f"{state.name}: {state.reason}" for state in self._states if state.reason
        )

    def _end_hopeless(self) -> None:
        for group, jobs in list(self._waiting.items()):
            del self._waiting[group]
            for job in jobs:
                self._put(job)
