"""How a prompt is put to a server and its answer read: Ollama's own interface, and OpenAI's, which most others speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from ragfactory.context.answers import MAX_TOKENS
from ragfactory.context.prompt import Completion
from ragfactory.context.remote.calling import CallError, DeniedError, OverdueError, UnreachableError, UntrustworthyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.context.prompt import Prompt
    from ragfactory.context.remote.calling import Caller
    from ragfactory.context.remote.servers import Server

_PROBE_S = 10.0


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers are sampled; part of a context's key. `window` is the tokens of prompt and answer together. A prompt's own
    `max_tokens` goes before this one.
    """

    max_tokens: int = MAX_TOKENS
    temperature: float = 0.0
    seed: int = 0
    window: int = 8192


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of an answer that is written while it is read; after the `last` there is no more."""

    text: str
    last: bool = False


class ServerProtocol(Protocol):
    """A way of asking."""

    def target(self, base: str) -> str:
        """The path to post to, for a server whose address has the path `base`."""

    def request(self, prompt: Prompt, model: str, sampling: Sampling) -> dict[str, Any]:
        """What to post."""

    def read(self, answer: bytes) -> Completion:
        """The answer's text and cost. Raises ValueError where it is of another shape."""

    def read_line(self, line: bytes) -> Piece:
        """What a line, not an empty one, of an answer says that comes as a stream. Raises ValueError as `read` does."""


class Ollama:
    """POST /api/chat. The window has to be asked for, or the server cuts prompts silently; the model stays in memory in between."""

    keep_alive = "15m"

    def target(self, base: str) -> str:
        """See ServerProtocol."""
        return f"{base}/api/chat"

    def request(self, prompt: Prompt, model: str, sampling: Sampling) -> dict[str, Any]:
        """See ServerProtocol."""
        options = {
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "num_predict": prompt.max_tokens or sampling.max_tokens,
            "num_ctx": sampling.window,
        }
        asked = {
            "model": model,
            "messages": _messages(prompt),
            "stream": False,
            "keep_alive": self.keep_alive,
            "options": options,
        }
        return asked if prompt.schema is None else asked | {"format": orjson.loads(prompt.schema)}

    def read(self, answer: bytes) -> Completion:
        """See ServerProtocol."""
        said = _OllamaAnswer.model_validate_json(answer)
        return Completion(said.message.content, read=said.prompt_eval_count, written=said.eval_count)

    def read_line(self, line: bytes) -> Piece:
        """See ServerProtocol."""
        said = _OllamaPiece.model_validate_json(line)
        return Piece(said.message.content, last=said.done)


class OpenAI:
    """POST /v1/chat/completions: llama.cpp's server, vLLM, LM Studio and the like."""

    def target(self, base: str) -> str:
        """See ServerProtocol."""
        return f"{base}/chat/completions" if base.endswith("/v1") else f"{base}/v1/chat/completions"

    def request(self, prompt: Prompt, model: str, sampling: Sampling) -> dict[str, Any]:
        """See ServerProtocol."""
        asked = {
            "model": model,
            "messages": _messages(prompt),
            "stream": False,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "max_tokens": prompt.max_tokens or sampling.max_tokens,
        }
        return asked if prompt.schema is None else asked | {"response_format": _shape_of_answer(prompt.schema)}

    def read(self, answer: bytes) -> Completion:
        """See ServerProtocol."""
        said = _OpenAIAnswer.model_validate_json(answer)
        usage = said.usage or _Usage()
        reused = min((usage.prompt_tokens_details or _Details()).cached_tokens or 0, usage.prompt_tokens)
        return Completion(
            said.choices[0].message.content or "",
            read=usage.prompt_tokens - reused,
            reused=reused,
            written=usage.completion_tokens,
        )

    def read_line(self, line: bytes) -> Piece:
        """See ServerProtocol. Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html."""
        if line.lstrip().startswith(b"{"):  # a server that answers in one piece, whatever it is asked
            return Piece(self.read(line).text, last=True)
        if not line.startswith(b"data:"):
            return Piece("")
        data = line.removeprefix(b"data:").strip()
        if data == b"[DONE]":
            return Piece("", last=True)
        return Piece("".join(choice.delta.content or "" for choice in _OpenAIPiece.model_validate_json(data).choices))


def protocol_of(server: Server, caller: Caller) -> ServerProtocol:
    """The protocol that a server speaks: the one its settings name, or the one it answers to. Raises CallError."""
    base = base_of(server)
    if server.kind == "ollama":
        return Ollama()
    if server.kind == "openai" or base.endswith("/v1"):
        return OpenAI()
    patience_s = min(_PROBE_S, server.timeout_s)
    denied: DeniedError | None = None
    for target, key, protocol in (("/api/version", "version", Ollama()), ("/v1/models", "data", OpenAI())):
        try:
            if key in _probe(caller, base + target, patience_s):
                return protocol
        except DeniedError as error:  # some guard only one of the two
            denied = error
    if denied is not None:
        raise denied
    raise UntrustworthyError("it answers neither as Ollama does nor as OpenAI's interface")


def base_of(server: Server) -> str:
    """The path of a server's address, without a slash at its end."""
    return server.endpoint.target.rstrip("/")


def _probe(caller: Caller, target: str, timeout_s: float) -> dict[str, Any]:
    """The JSON object there; empty where there is something else. Raises UnreachableError, DeniedError or OverdueError."""
    try:
        content = orjson.loads(caller.call("GET", target, None, timeout_s))
    except (UnreachableError, DeniedError, OverdueError):
        raise
    except (CallError, orjson.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}


def read_completion(protocol: ServerProtocol, answer: bytes) -> Completion:
    """The completion in an answer. Raises UntrustworthyError with what came in its place."""
    try:
        return protocol.read(answer)
    except ValidationError as error:
        raise UntrustworthyError(f"a completion as JSON expected, and its answer is {_looks_like(answer)}") from error


def stream_completion(server: Server, caller: Caller, prompt: Prompt, sampling: Sampling) -> Iterator[str]:
    """The text of a completion as the server writes it. Raises CallError, also after some of it came."""
    protocol = protocol_of(server, caller)
    body = orjson.dumps(protocol.request(prompt, server.model, sampling) | {"stream": True})
    for line in caller.stream(protocol.target(base_of(server)), body, server.timeout_s):
        if not line.strip():
            continue
        try:
            piece = protocol.read_line(line)
        except ValidationError as error:
            raise UntrustworthyError(
                f"a piece of a completion expected, and its answer is {_looks_like(line)}"
            ) from error
        if piece.text:
            yield piece.text
        if piece.last:
            return
    raise UnreachableError("it broke off in the middle of an answer")


def _looks_like(answer: bytes) -> str:
    if not answer.strip():
        return "empty"
    if answer.lstrip()[:1] == b"<":
        return "HTML"
    try:
        orjson.loads(answer)
    except orjson.JSONDecodeError:
        return "broken JSON" if answer.lstrip()[:1] in {b"{", b"["} else "no JSON"
    return "other JSON"


def _messages(prompt: Prompt) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": prompt.instructions},
        {"role": "user", "content": prompt.shared + prompt.own},
    ]


def _shape_of_answer(schema: str) -> dict[str, Any]:
    shape = {"name": "answer", "schema": orjson.loads(schema), "strict": True}
    return {"type": "json_schema", "json_schema": shape}


# The shapes of answers, as far as they are read.


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Said(_Shape):
    content: str


class _OllamaAnswer(_Shape):
    message: _Said
    prompt_eval_count: NonNegativeInt = 0
    eval_count: NonNegativeInt = 0


class _OllamaPiece(_Shape):
    message: _Said
    done: bool = False


class _MaybeSaid(_Shape):
    content: str | None = None


class _Choice(_Shape):
    message: _MaybeSaid


class _Details(_Shape):
    cached_tokens: NonNegativeInt | None = None


class _Usage(_Shape):
    prompt_tokens: NonNegativeInt = 0
    completion_tokens: NonNegativeInt = 0
    prompt_tokens_details: _Details | None = None


class _OpenAIAnswer(_Shape):
    choices: list[_Choice]
    usage: _Usage | None = None


class _ChoicePiece(_Shape):
    delta: _MaybeSaid


class _OpenAIPiece(_Shape):
    choices: list[_ChoicePiece]
