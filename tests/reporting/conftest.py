"""A receiver: a real HTTP server on this machine that records what it is sent, and answers as the test says."""

from __future__ import annotations

import json
import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROMISE_S = 60.0  # a test that waits this long has failed


@dataclass
class Receiver:
    """What came, in order. `answers` are used up one by one, then it is 204: a status, `hang`, `reset` or `garbage`."""

    answers: list[int | str] = field(default_factory=list)
    answer_to: Callable[[dict[str, Any]], int] = lambda _message: 204
    tried: list[dict[str, Any]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    connections: int = 0
    busy: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def statuses(self, doc_id: str) -> list[str]:
        """The statuses of a document that were taken."""
        return [message["status"] for message in self.taken if message.get("doc_id") == doc_id]

    def runs(self) -> list[dict[str, Any]]:
        """The messages on the run that were taken."""
        return [message for message in self.taken if message["kind"] == "run"]


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.tried.append(message)
            receiver.targets.append(self.path)
            receiver.headers.append(dict(self.headers))
            answer = receiver.answers.pop(0) if receiver.answers else receiver.answer_to(message)
            receiver.busy.set()
            if answer == "hang":
                receiver.released.wait(PROMISE_S)
                self.close_connection = True
            elif answer == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
            elif answer == "garbage":
                self.wfile.write(b"not HTTP at all\r\n\r\n")
                self.close_connection = True
            else:
                if 200 <= int(answer) < 300:
                    receiver.taken.append(message)
                self._answer(int(answer))

        def _answer(self, status: int) -> None:
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            if status != 204:
                self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def serving(receiver: Receiver, server: ThreadingHTTPServer | None = None) -> Iterator[Receiver]:
    """Have a receiver listen, where there is a server that does not yet, with that one."""
    if server is None:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    else:
        server.RequestHandlerClass = _handler(receiver)
        server.server_activate()
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def silent_port() -> Iterator[tuple[ThreadingHTTPServer, int]]:
    """A server that does not listen yet, and its port: who comes is refused, and nobody else can have it meanwhile."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler, bind_and_activate=False) as server:
        server.server_bind()
        yield server, server.server_port


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver()) as started:
        yield started
