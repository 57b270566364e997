"""Having an Ollama server let go of its models, so that cards get their memory back."""

from __future__ import annotations

import http.client
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from ragfactory.endpoint import Endpoint
from ragfactory.errors import UsageError

DEFAULT_URL = "http://127.0.0.1:11434"
_TIMEOUT_S = 10.0
_MAX_ANSWER_BYTES = 2**20


class OllamaError(Exception):
    """The server is not there, or does not answer as Ollama does."""


class _Model(BaseModel):
    name: str


class _Running(BaseModel):
    models: list[_Model]


def unload_models(url: str) -> list[str]:
    """Unload every model that the server at `url` has in memory; returns their names.

    Raises OllamaError, and UsageError for what is no address of a server.
    """
    try:
        running = _Running.model_validate_json(_call(url, "GET", "/api/ps"))
    except ValidationError as error:
        raise OllamaError(f"{url}: what answers is no Ollama server") from error
    names = [model.name for model in running.models]
    for name in names:
        _call(url, "POST", "/api/generate", {"model": name, "keep_alive": 0})
    return names


def _call(url: str, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
    connection = _connection(url)
    try:
        connection.request(method, path, orjson.dumps(body) if body else None, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read(_MAX_ANSWER_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise OllamaError(f"{url}: no Ollama server answers: {error}") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise OllamaError(f"{url}: {method} {path} was refused: {response.status} {response.reason}")
    return answer


def _connection(url: str) -> http.client.HTTPConnection:
    try:
        endpoint = Endpoint.parse(url)
    except ValueError as error:
        raise UsageError(f"--ollama-url: an address such as {DEFAULT_URL} expected, got {url!r}: {error}") from error
    if endpoint.target != "/":
        raise UsageError(f"--ollama-url: an address such as {DEFAULT_URL} expected, without a path, got {url!r}")
    return endpoint.connect(_TIMEOUT_S)
