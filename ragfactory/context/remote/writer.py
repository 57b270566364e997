"""The door: prompts in, completions out as they come, from several servers at once."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import orjson

from ragfactory.context.remote.balance import Balance, Job, ServerState
from ragfactory.context.remote.calling import Caller, CallError
from ragfactory.context.remote.protocols import Sampling, base_of, protocol_of, read_completion
from ragfactory.context.remote.servers import Patience
from ragfactory.endpoint import bearer
from ragfactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from ragfactory.context.prompt import Completion, Failure, Prompt
    from ragfactory.context.remote.protocols import ServerProtocol
    from ragfactory.context.remote.servers import Server

Key = TypeVar("Key")

_GOODBYE_S = 2.0


@dataclass(frozen=True, slots=True)
class ServerReport:
    """What a server did: requests it answered and failed, the tokens it read and wrote, as far as it tells them, the seconds in
    which a request was under way, and why it was given up, where it was.
    """

    name: str
    answered: int
    failed: int
    tokens: int
    seconds: float
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
        try:
            self._headers = bearer(api_key)
        except ValueError as error:
            raise UsageError(
                f"the key for the language model's servers cannot be used: {error}",
                hint="set RAGFACTORY_LLM_API_KEY to printable ASCII, without a line end",
            ) from error
        self._servers = servers
        self._sampling = sampling or Sampling()
        self._patience = patience or Patience()
        self._states = [ServerState(server.endpoint.name) for server in servers]
        self._protocols: list[ServerProtocol | None] = [None] * len(servers)

    def complete(self, prompts: Iterable[tuple[Key, Prompt]]) -> Generator[tuple[Key, Completion | Failure]]:
        """Each key with its completion, or why it has none, as they come: in any order, each key once.

        `prompts` is read in a thread of its own, a thousand ahead at most. Those with the same `shared` go to one server as long as
        it is not the only one with work, so that it reads that part once. Closing the iterator ends the requests under way.
        One call at a time.
        """
        balance: Balance[Key] = Balance(self._states, self._patience)
        lanes = [
            (Caller(server.endpoint, self._headers), index)
            for index, server in enumerate(self._servers)
            for _ in range(server.concurrency)
        ]
        threads = [
            threading.Thread(target=self._work, args=(balance, caller, index), name=f"writer-{index}", daemon=True)
            for caller, index in lanes
        ]
        feeder = threading.Thread(target=_feed, args=(prompts, balance), name="writer-prompts", daemon=True)
        for thread in (*threads, feeder):
            thread.start()
        try:
            yield from balance.results()
        finally:
            balance.stop()
            for caller, _ in lanes:
                caller.abort()
            deadline = time.monotonic() + _GOODBYE_S
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))

    def reports(self) -> list[ServerReport]:
        """What each server did so far, in the order in which they were named."""
        patience = self._patience.give_up
        return [
            ServerReport(
                s.name,
                s.answered,
                s.failed,
                s.tokens,
                s.seconds,
                given_up=s.reason if s.dropped or s.failures >= patience else None,
            )
            for s in self._states
        ]

    def _work(self, balance: Balance[Key], caller: Caller, server: int) -> None:
        """One of a server's requests at a time, until there are no more."""
        while (taken := balance.take(server)) is not None:
            job, epoch = taken
            try:
                completion = self._ask(caller, server, job.prompt)
            except CallError as error:
                balance.failed(server, job, epoch, error)
            except Exception as error:  # noqa: BLE001 - raised where the completions are waited for, rather than lost with the thread
                balance.broke(error)
            else:
                balance.answered(server, job, completion)
        caller.close()

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


def _feed(prompts: Iterable[tuple[Key, Prompt]], balance: Balance[Key]) -> None:
    try:
        for key, prompt in prompts:
            if not balance.offer(Job(key, prompt)):
                return
    except BaseException as error:  # noqa: BLE001 - it is raised where the completions are waited for
        balance.no_more(error)
    else:
        balance.no_more()
