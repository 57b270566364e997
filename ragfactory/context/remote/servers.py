"""The servers that write contexts: their settings, and how patient one is with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ragfactory.endpoint import Endpoint, bearer
from ragfactory.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from ragfactory.config import Context

Kind = Literal["auto", "openai", "ollama"]


@dataclass(frozen=True, slots=True)
class Server:
    """A server and what may be asked of it. `concurrency` is requests at once; `timeout_s` is for a whole answer, in seconds."""

    endpoint: Endpoint
    model: str
    kind: Kind = "auto"
    concurrency: int = 4
    timeout_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How failures of a server are answered; waits are in seconds.

    After each failure in a row it rests twice as long as before, from `first_rest_s` to `longest_rest_s`. After `strikes`,
    as before its first answer, it gets one request at a time; after `give_up` it counts as dead, and is only still probed while
    another one works. A request is sent `tries` times at most.
    """

    first_rest_s: float = 1.0
    longest_rest_s: float = 30.0
    strikes: int = 3
    give_up: int = 7
    tries: int = 6


def servers_of(settings: Context) -> tuple[Server, ...]:
    """The servers of the configuration. Raises ConfigError where there are none, one comes twice, or no model is named."""
    if not settings.servers:
        raise ConfigError(
            "context.servers: at least one address expected, got none",
            hint='add to config.toml, under [context]: servers = ["http://127.0.0.1:11434"]',
        )
    if not settings.model:
        raise ConfigError(
            "context.model: the name of a model expected, got none",
            hint='add to config.toml, under [context], the name that the servers know it by: model = "llama3.1:8b"',
        )
    endpoints = [Endpoint.parse(url) for url in settings.servers]  # the configuration has checked them
    endpoint, times = Counter(replace(e, target=e.target.rstrip("/")) for e in endpoints).most_common(1)[0]
    if times > 1:
        raise ConfigError(
            f"context.servers: each server once expected, got {endpoint.name} {times} times",
            hint="to send it more requests at a time, raise context.concurrency",
        )
    return tuple(
        Server(endpoint, settings.model, settings.kind, settings.concurrency, settings.timeout_s)
        for endpoint in endpoints
    )


def key_headers(api_key: str | None) -> dict[str, str]:
    """The header that shows a key to a server; none without one. Raises UsageError where a header cannot hold it."""
    try:
        return bearer(api_key)
    except ValueError as error:
        raise UsageError(
            f"the key for the language model's servers cannot be used: {error}",
            hint="set RAGFACTORY_LLM_API_KEY to printable ASCII, without a line end",
        ) from error
