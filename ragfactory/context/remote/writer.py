"""The door: prompts in, completions out as they come, from several servers at once."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson

from ragfactory.context.remote.balance import Balance, Job, ServerState
from ragfactory.context.remote.calling import Caller, CallError
from ragfactory.context.remote.protocols import Sampling, base_of, protocol_of, read_completion
from ragfactory.context.remote.servers import Patience, key_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from ragfactory.context.prompt import Completion, Failure, Prompt
    from ragfactory.context.remote.protocols import ServerProtocol
    from ragfactory.context.remote.servers import Server

    Lane = tuple[Caller, int]

Key = TypeVar("Key")

_GOODBYE_S = 2.0
_AHEAD = 1000  # prompts that are taken before their turn: enough to find each server its own document


@dataclass(frozen=True, slots=True)
class ServerReport:
    """What a server did: requests it answered and failed, the tokens it read and wrote, as far as it tells them, and the seconds in
    which a request was under way; what is wrong (`trouble`) while it fails and is tried again, and why it was given up, if it was.
    """

    name: str
    answered: int
    failed: int
    tokens: int
    seconds: float
    trouble: str | None
    given_up: str | None


class RemoteModel:
    """A language model on one or more servers. What is learnt of a server, such as that it is dead, holds for the object's life."""

    def __init__(
        self,
        servers: Sequence[Server],
        *,
        api_key: str | None = None,
        sampling: Sampling | None = None,
        patience: Patience | None = None,
    ) -> None:
        """`api_key` is sent to every server as a bearer token. Raises UsageError where a header cannot hold it."""
        self._headers = key_headers(api_key)
        self._servers = servers
        self._sampling = sampling or Sampling()
        self._patience = patience or Patience()
        self._states = [ServerState(server.endpoint.name) for server in servers]
        self._protocols: list[ServerProtocol | None] = [None] * len(servers)

    def complete(self, prompts: Iterable[tuple[Key, Prompt]]) -> Generator[tuple[Key, Completion | Failure]]:
        """Each key with its completion, or why it has none, as they come: in any order, each key once. `prompts` is read a thousand
        ahead at most. Closing the iterator ends the requests under way.
        """
        waiting = iter(prompts)
        with closing(self.open()) as exchange:
            while True:
                some = list(islice(waiting, _AHEAD - exchange.under_way))
                exchange.submit(some)
                if not exchange.under_way:
                    return
                yield from exchange.poll(None)

    def open(self) -> Exchange[Any]:
        """The servers, ready to be asked; one exchange at a time. What it learns of a server holds for the next one too."""
        lanes = [
            (Caller(server.endpoint, self._headers), index)
            for index, server in enumerate(self._servers)
            for _ in range(server.concurrency)
        ]
        return Exchange(Balance(self._states, self._patience), lanes, self._ask)

    def reports(self) -> list[ServerReport]:
        """What each server did so far, in the order in which they were named."""
        return [self._report(state) for state in self._states]

    def _report(self, state: ServerState) -> ServerReport:
        given_up = state.dropped or state.failures >= self._patience.give_up
        return ServerReport(
            state.name,
            state.answered,
            state.failed,
            state.tokens,
            state.seconds,
            trouble=state.reason if state.failures and not given_up else None,
            given_up=state.reason if given_up else None,
        )

    def _ask(self, caller: Caller, index: int, prompt: Prompt) -> Completion:
        server = self._servers[index]
        protocol = self._protocol(caller, index)
        body = orjson.dumps(protocol.request(prompt, server.model, self._sampling))
        answer = caller.call("POST", protocol.target(base_of(server)), body, server.timeout_s)
        return read_completion(protocol, answer)

    def _protocol(self, caller: Caller, index: int) -> ServerProtocol:
        """Asked of a server once: before its first answer it gets one request at a time."""
        known = self._protocols[index]
        if known is None:
            known = self._protocols[index] = protocol_of(self._servers[index], caller)
        return known


class Exchange(Generic[Key]):
    """Prompts on their way to servers, and what comes back. Use it from one thread, and `close` it."""

    def __init__(
        self, balance: Balance[Key], lanes: Sequence[Lane], ask: Callable[[Caller, int, Prompt], Completion]
    ) -> None:
        """Every lane is a connection to the server of that number, which answers one request at a time."""
        self._balance = balance
        self._lanes = lanes
        self._ask = ask
        self._threads = [
            threading.Thread(target=self._work, args=lane, name=f"writer-{lane[1]}", daemon=True)
            for lane in self._lanes
        ]
        for thread in self._threads:
            thread.start()

    @property
    def under_way(self) -> int:
        """How many prompts were submitted whose results `poll` did not give yet."""
        return self._balance.under_way

    def submit(self, prompts: Iterable[tuple[Key, Prompt]]) -> None:
        """Have prompts answered. Those with the same `shared` go to one server as long as it is not the only one with work, so that
        it reads that part once.
        """
        for key, prompt in prompts:
            self._balance.offer(Job(key, prompt))

    def poll(self, timeout_s: float | None) -> list[tuple[Key, Completion | Failure]]:
        """Keys with their completions, or why they have none, in any order, each once. It waits up to `timeout_s` seconds for the
        first, None as long as it takes.
        """
        return self._balance.results(timeout_s)

    def close(self) -> None:
        """End the requests under way."""
        self._balance.stop()
        for caller, _ in self._lanes:
            caller.abort()
        deadline = time.monotonic() + _GOODBYE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self, caller: Caller, server: int) -> None:
        """One of a server's requests at a time, until there are no more."""
        while (taken := self._balance.take(server)) is not None:
            job, epoch = taken
            try:
                completion = self._ask(caller, server, job.prompt)
            except CallError as error:
                self._balance.failed(server, job, epoch, error)
            except Exception as error:  # noqa: BLE001 - raised where the completions are waited for, rather than lost with the thread
                self._balance.broke(error)
            else:
                self._balance.answered(server, job, completion)
        caller.close()
