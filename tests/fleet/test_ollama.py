"""Having Ollama unload its models: a real server on this machine that speaks its protocol."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from ragfactory.errors import UsageError
from ragfactory.fleet.ollama import OllamaError, unload_models

if TYPE_CHECKING:
    from collections.abc import Iterator


class Ollama:
    """A server with models in memory. `answer` is what it says instead, a status and a body."""

    def __init__(self, *models: str) -> None:
        self.models = list(models)
        self.answer: tuple[int, bytes] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(ollama) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert self.path == "/api/ps"
                self._say({"models": [{"name": name, "size_vram": 1} for name in ollama.models]})

            def do_POST(self) -> None:
                assert self.path == "/api/generate"
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert asked["keep_alive"] == 0
                ollama.models.remove(asked["model"])
                self._say({"model": asked["model"], "done": True, "done_reason": "unload"})

            def _say(self, content: dict[str, Any]) -> None:
                status, body = ollama.answer or (200, json.dumps(content).encode())
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


@pytest.fixture
def ollama() -> Iterator[Ollama]:
    server = Ollama("llama3.1:8b", "bge-m3:latest")
    yield server
    server.close()


def test_every_model_is_unloaded_and_named(ollama: Ollama) -> None:
    assert unload_models(ollama.url) == ["llama3.1:8b", "bge-m3:latest"]
    assert ollama.models == []
    assert unload_models(ollama.url + "/") == []


@pytest.mark.parametrize(
    "answer", [(500, b"{}"), (200, b"<html>"), (200, b"[]"), (200, b'{"models": [{}]}'), (404, b"")]
)
def test_another_kind_of_server(answer: tuple[int, bytes], ollama: Ollama) -> None:
    ollama.answer = answer
    with pytest.raises(OllamaError, match=ollama.url):
        unload_models(ollama.url)


def test_no_server(ollama: Ollama) -> None:
    gone = Ollama()
    gone.close()
    with pytest.raises(OllamaError, match="no Ollama server answers"):
        unload_models(gone.url)


@pytest.mark.parametrize("url", ["", "127.0.0.1:11434", "ftp://host", "http://", "http://host/api", "http://host:x"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(UsageError, match="--ollama-url: an address such as"):
        unload_models(url)
