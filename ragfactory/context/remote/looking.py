"""A look at a server without having it write: is it there, does it take the key, and has it the model?"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from ragfactory.context.remote.calling import Caller, UntrustworthyError
from ragfactory.context.remote.protocols import Ollama, base_of, protocol_of

if TYPE_CHECKING:
    from ragfactory.context.remote.servers import Server

LONGEST_LOOK_S = 5.0

_NAMED = 5  # models that are told where the one that is wanted is not among them
_LONGEST_NAME = 200  # characters


def look_at(server: Server, headers: dict[str, str]) -> str:
    """What a server is and whether it has the model, in a few words, `headers` being those of `key_headers`. Each question to it
    takes 5 seconds at most. Raises CallError for one that is not there, takes no such key, or says that it has not the model.
    """
    server = replace(server, timeout_s=min(LONGEST_LOOK_S, server.timeout_s))
    with closing(Caller(server.endpoint, headers)) as caller:
        is_ollama = isinstance(protocol_of(server, caller), Ollama)
        base = base_of(server)
        target = f"{base}/api/tags" if is_ollama else f"{base}/models" if base.endswith("/v1") else f"{base}/v1/models"
        answer = caller.call("GET", target, None, server.timeout_s)
    name, key = ("Ollama", "name") if is_ollama else ("OpenAI's interface", "id")
    models = _models(answer, "models" if is_ollama else "data")
    known = [str(model[key])[:_LONGEST_NAME] for model in models if key in model]
    wanted = {server.model, f"{server.model}:latest"} if is_ollama else {server.model}
    if wanted & set(known):
        return f"{name}, with {server.model}"
    # llama.cpp's server has one model, whatever it is called.
    if not known or any(model.get("owned_by") == "llamacpp" for model in models):
        return f"{name}; whether it has {server.model} it does not tell"
    more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    raise UntrustworthyError(f"it has no {server.model} (context.model), but {', '.join(known[:_NAMED])}{more}")


def _models(answer: bytes, key: str) -> list[dict[str, Any]]:
    """The list of models in an answer; empty where it holds none."""
    try:
        content = orjson.loads(answer)
    except orjson.JSONDecodeError as error:
        raise UntrustworthyError("a list of models as JSON expected, and its answer is something else") from error
    found = content.get(key) if isinstance(content, dict) else None
    return [model for model in found if isinstance(model, dict)] if isinstance(found, list) else []
