"""The language models that can rewrite a query: the servers of the configuration, or a GGUF on this machine."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from ragfactory.errors import ModelUnavailableError, RagfactoryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ragfactory.config import Config
    from ragfactory.context.language_models import Kind
    from ragfactory.context.prompt import Prompt
    from ragfactory.context.remote.protocols import ServerProtocol
    from ragfactory.context.remote.servers import Server

_TOKENS_EACH = 40  # of a rewriting
_PROMPT_TOKENS = 768
_REST_S = 60.0  # that a server is left alone which gave no answer, so that not every query waits for it


class Rewriter(Protocol):
    """Someone who answers a prompt within the configuration's time."""

    by: Kind

    def write(self, prompt: Prompt) -> str:
        """The whole answer. Raises ModelUnavailableError where it does not come, or not in time."""

    def close(self) -> None:
        """Let go of its memory."""


def open_rewriter(config: Config, by: Kind | None, count: int, *, many: bool) -> Rewriter | None:
    """Who writes up to `count` rewritings; None where the rules are enough.

    Without `by` it is the configuration's servers; else its GGUF where `many` queries come, since loading one takes longer than a
    search; what cannot be opened is told when it is asked. Raises ModelUnavailableError or ConfigError where `by` is given and
    not there, UsageError for a key that no header can hold.
    """
    if by is not None:
        return _open(config, by, count)
    named: Kind | None = "http" if config.context.servers else "llama" if many and config.context.gguf else None
    if named is None:
        return None
    try:
        return _open(config, named, count)
    except RagfactoryError as error:
        return _Absent(named, error.message)


def _open(config: Config, by: Kind, count: int) -> Rewriter:
    settings = config.context
    tokens = _TOKENS_EACH * (count + 1)
    if by == "http":
        from ragfactory.context.remote.servers import servers_of

        return ServerRewriter(servers_of(settings), tokens, settings.window, settings.rewrite_s)
    from ragfactory.context.language_models import gguf_path

    return LlamaRewriter(gguf_path(config), tokens, settings.rewrite_s)


class _Absent:
    """One that the configuration names and that cannot be opened."""

    def __init__(self, by: Kind, why: str) -> None:
        self.by = by
        self._why = why

    def write(self, _prompt: Prompt) -> str:
        raise ModelUnavailableError(self._why)

    def close(self) -> None:
        """There is nothing to let go of."""


class LlamaRewriter:
    """A GGUF in this process, on the CPU. It reads its instructions once, whatever becomes of an answer."""

    by: Kind = "llama"

    def __init__(self, path: Path, tokens: int, limit_s: float) -> None:
        """Load it; an answer has at most `tokens` and takes at most `limit_s`. Raises what `LlamaEngine.open` raises."""
        from ragfactory.context.llama.engine import LlamaEngine
        from ragfactory.context.llama.planning import CPU, Wish

        wish = Wish(shared=0, own=_PROMPT_TOKENS, answer=tokens, width=1)
        self._engine = LlamaEngine.open(path, CPU, wish, sampler=self._choose)
        self._limit_s = limit_s
        self._deadline = 0.0
        self._late = False

    def write(self, prompt: Prompt) -> str:
        """See Rewriter."""
        self._deadline, self._late = time.monotonic() + self._limit_s, False
        ((_, completion),) = self._engine.complete([prompt])
        if self._late:
            raise ModelUnavailableError(f"{self._engine.model.path.name}: {_too_late(self._limit_s)}")
        return completion.text

    def close(self) -> None:
        """See Rewriter."""
        self._engine.close()

    def _choose(self, logits: NDArray[np.float32], numbers: Sequence[int]) -> NDArray[np.integer]:
        """The likeliest token, or the end where the time is up."""
        from ragfactory.context.llama.generation import greedy

        tokens = greedy(logits, numbers)
        self._late = time.monotonic() > self._deadline
        end = self._engine.model.vocabulary.end
        if self._late and end >= 0:  # a model without an end writes on until it has its tokens
            tokens[:] = end
        return tokens


class ServerRewriter:
    """The servers of the configuration, one after another; `limit_s` is for all of them together."""

    by: Kind = "http"

    def __init__(self, servers: Sequence[Server], tokens: int, window: int, limit_s: float) -> None:
        """An answer has at most `tokens`. Raises UsageError for a key that no header can hold."""
        from ragfactory.config import llm_api_key
        from ragfactory.context.remote.protocols import Sampling
        from ragfactory.context.remote.servers import key_headers

        self._headers = key_headers(llm_api_key())
        self._servers = servers
        self._sampling = Sampling(max_tokens=tokens, window=window)
        self._limit_s = limit_s
        self._protocols: dict[Server, ServerProtocol] = {}
        self._resting: dict[Server, tuple[float, str]] = {}  # until when, and why

    def write(self, prompt: Prompt) -> str:
        """See Rewriter. A server that gives no answer is left alone for a minute."""
        from ragfactory.context.remote.calling import CallError

        deadline = time.monotonic() + self._limit_s
        for server in self._servers:
            until, _ = self._resting.get(server, (0.0, ""))
            if not until <= time.monotonic() < deadline:
                continue
            try:
                answer = self._ask(server, prompt, deadline)
            except CallError as error:
                why = _too_late(self._limit_s) if time.monotonic() >= deadline else str(error)
                self._resting[server] = time.monotonic() + _REST_S, why
            else:
                self._resting.pop(server, None)
                return answer
        reasons = (f"{server.endpoint.name}: {why}" for server, (_, why) in self._resting.items())
        raise ModelUnavailableError("; ".join(reasons))

    def close(self) -> None:
        """See Rewriter."""

    def _ask(self, server: Server, prompt: Prompt, deadline: float) -> str:
        """The answer of a server, which is hung up on when the time is up. Raises CallError."""
        import orjson

        from ragfactory.context.remote.calling import Caller
        from ragfactory.context.remote.protocols import base_of, protocol_of, read_completion

        left_s = deadline - time.monotonic()
        caller = Caller(server.endpoint, self._headers)
        timer = threading.Timer(left_s, caller.abort)
        timer.daemon = True
        timer.start()
        try:
            if server not in self._protocols:
                self._protocols[server] = protocol_of(replace(server, timeout_s=left_s), caller)
            protocol = self._protocols[server]
            body = orjson.dumps(protocol.request(prompt, server.model, self._sampling))
            return read_completion(protocol, caller.call("POST", protocol.target(base_of(server)), body, left_s)).text
        finally:
            timer.cancel()
            caller.close()


def _too_late(limit_s: float) -> str:
    return f"no answer within {limit_s:g} seconds (context.rewrite_s)"
