"""A double of a fleet of model servers: real HTTP servers on this machine that speak Ollama's or OpenAI's interface, or lie."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

PROMISE_S = 60.0  # a test that waits this long has failed


def as_asked(_n: int) -> None:
    """Answer truly."""


@dataclass
class ModelServer:
    """A server that writes `answer`, or else `about OWN` of a prompt that ends in `OWN`, word by word where that is asked for.
    Asked for a shape it writes the least JSON that has it, unless it is `unheeding`, as servers are that do not know the field.
    `says` answers the n-th request instead, where it returns a status and a body, or one of `hang`, `drip`, `cut`, `close`.
    Asked what it is, it names its `models`, to whom has the key that it `wants_key`, where it wants one. With `waits`, a stream
    goes on after its first words when the server is released.
    """

    speaks: str = "ollama"
    says: Callable[[int], Any] = as_asked
    answer: str = ""
    models: tuple[str, ...] = ()
    wants_key: str = ""
    waits: bool = False
    unheeding: bool = False
    slow_s: float = 0.0
    asked: list[dict[str, Any]] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def owns(self) -> Counter[str]:
        """How often each prompt's own part was asked."""
        return Counter(message["messages"][1]["content"].rpartition("|")[2] for message in self.asked)

    def began(self, message: dict[str, Any], headers: dict[str, str]) -> int:
        with self._lock:
            self.asked.append(message)
            self.headers.append(headers)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            return len(self.asked)

    def ended(self) -> None:
        with self._lock:
            self.at_once -= 1


def schema_of(message: dict[str, Any]) -> dict[str, Any] | None:
    """The JSON schema in a request of either interface; None where it asks for no shape."""
    if "messages" in message and "format" in message:
        return message["format"]
    shape = message.get("response_format")
    if shape is None:
        return None
    assert shape["type"] == "json_schema"
    assert shape["json_schema"]["name"]
    return shape["json_schema"]["schema"]


def least(schema: dict[str, Any]) -> Any:
    """The least value that a schema allows; every keyword in it has to be known."""
    if "anyOf" in schema:
        return least(schema["anyOf"][-1])
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "object":
            assert schema["additionalProperties"] is False
            assert schema["required"] == list(schema["properties"])
            return {name: least(field) for name, field in schema["properties"].items()}
        case "array":
            return [least(schema["items"])]
        case "string":
            return "x" * schema["minLength"]
        case "null":
            return None
    raise AssertionError(schema)


def _text(server: ModelServer, message: dict[str, Any]) -> str:
    schema = schema_of(message)
    if schema is not None and not server.unheeding:
        return json.dumps(least(schema))
    return server.answer or "about " + message["messages"][1]["content"].rpartition("|")[2]


def streamed(server: ModelServer, message: dict[str, Any]) -> list[bytes]:
    """A true answer as a stream: its lines."""
    words = [word + " " for word in _text(server, message).split()]
    if server.speaks == "ollama":
        pieces = [{"message": {"role": "assistant", "content": word}, "done": False} for word in words]
        pieces.append({"message": {"role": "assistant", "content": ""}, "done": True, "eval_count": 3})
        return [json.dumps(piece).encode() + b"\n" for piece in pieces]
    chunks: list[Any] = [{"choices": [{"delta": {"content": word}, "finish_reason": None}]} for word in words]
    chunks = [{"choices": [{"delta": {"role": "assistant"}}]}, *chunks, {"choices": [], "usage": {"prompt_tokens": 1}}]
    return [*(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks), b": ping\n\n", b"data: [DONE]\n\n"]


def written(server: ModelServer, message: dict[str, Any]) -> bytes:
    """A true answer."""
    text = _text(server, message)
    if server.speaks == "ollama":
        return json.dumps(
            {"message": {"role": "assistant", "content": text}, "done": True, "prompt_eval_count": 12, "eval_count": 3}
        ).encode()
    usage = {"prompt_tokens": 12, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}
    return json.dumps({"choices": [{"message": {"content": text}}], "usage": usage}).encode()


def _named(server: ModelServer, key: str) -> list[dict[str, str]]:
    return [{key: name} for name in server.models]


def _handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - one small class
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if server.speaks == "nothing":
                server.released.wait(PROMISE_S)
            content: dict[str, dict[str, Any]] = {
                "ollama": {"/api/version": {"version": "0.5"}, "/api/tags": {"models": _named(server, "name")}},
                "openai": {"/v1/models": {"data": _named(server, "id")}},
            }
            known = content.get(server.speaks, {})
            denied = server.wants_key and self.headers["Authorization"] != f"Bearer {server.wants_key}"
            status = 401 if denied else 200 if self.path in known else 404
            self._answer(status, json.dumps(known.get(self.path, {})).encode())

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.targets.append(self.path)
            n = server.began(message, dict(self.headers))
            try:
                said = server.says(n)
                time.sleep(server.slow_s)
                if said in {"hang", "drip", "cut", "close"}:
                    self._misbehave(said)
                elif message.get("stream") and said is None:
                    self._stream(streamed(server, message))
                else:
                    self._answer(*(said or (200, written(server, message))))
            finally:
                server.ended()

        def _stream(self, lines: list[bytes]) -> None:
            self._begin(200, sum(map(len, lines)))
            for n, line in enumerate(lines):
                self.wfile.write(line)
                if server.waits and n == 1:
                    server.released.wait(PROMISE_S)

        def _misbehave(self, how: str) -> None:
            self.close_connection = True
            if how == "hang":
                server.released.wait(PROMISE_S)
            elif how == "cut":
                self._begin(200, 1000)
                self.wfile.write(b'{"message": {"cont')
            elif how == "drip":
                self._begin(200, 10**9)
                while not server.released.wait(0.02):
                    self.wfile.write(b" ")

        def _begin(self, status: int, length: int) -> None:
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", str(length))
            self.end_headers()

        def _answer(self, status: int, body: bytes) -> None:
            self._begin(status, len(body))
            self.wfile.write(body)

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                """The client hung up, as a client may."""

        def log_message(self, *_: object) -> None:
            pass

    return Handler
