"""One request to a server at a time: kept open in between, over when its time is up, and never longer than an answer can be."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import orjson

from ragfactory.context.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.endpoint import Endpoint

MAX_ANSWER_BYTES = 1 << 20

_CONNECT_S = 10.0
_LONGEST_WAIT_S = 60.0  # that a server may ask for
_PIECE = 64 * 1024
_REASON_CHARACTERS = 200
_LATER = {408, 425, 429}
_UNFIT = {400, 413, 422}
_KEY = "is its key in RAGFACTORY_LLM_API_KEY?"
_ADVICE = {401: _KEY, 403: _KEY, 404: "is context.model a model that it has, by that name?"}


class CallError(Exception):
    """A request that brought no answer; the message is the reason, safe to show."""


class UnreachableError(CallError):
    """The server is not there, or not well. It may be later: in `wait_s` seconds, where it says so."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class UntrustworthyError(CallError):
    """What answers is not what was expected, and would not be the next time."""


class DeniedError(UntrustworthyError):
    """The server does not take the key, or wants one."""


class OverdueError(UntrustworthyError):
    """The server takes longer than it may."""


class UnfitError(CallError):
    """The server takes requests, and not this one: too long, perhaps."""


class Caller:
    """A connection to a server, for one thread; `abort` may come from any. The headers hold the key and are shown nowhere."""

    def __init__(self, endpoint: Endpoint, headers: dict[str, str]) -> None:
        self._connection = endpoint.connect(_CONNECT_S)
        self._headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        self._socket: socket.socket | None = None
        self._overdue = threading.Event()
        self._aborted = False

    def call(self, method: str, target: str, body: bytes | None, timeout_s: float) -> bytes:
        """The body of the answer. Redirects are not followed: the key and the text are for the server that was named.

        Raises UnreachableError, UntrustworthyError or UnfitError.
        """
        chances = 1 if self._connection.sock is None else 2  # the server may have closed it while it was idle
        while True:
            chances -= 1
            try:
                return self._call(method, target, body, timeout_s)
            except ConnectionError as error:
                if not chances or self._aborted:
                    raise _unanswered(error) from error

    def stream(self, target: str, body: bytes, timeout_s: float) -> Iterator[bytes]:
        """The lines of the answer to a POST as they come; `timeout_s` is for all of it. It is not sent twice. Raises as `call`."""
        try:
            with self._response("POST", target, body, timeout_s) as response:
                if response.status != http.client.OK:
                    self._check(response, _read(response))
                yield from _lines(response)
        except ConnectionError as error:
            raise _unanswered(error) from error

    def abort(self) -> None:
        """End the request that is under way; a server notices and stops writing."""
        self._aborted = True
        self._hang_up()

    def _hang_up(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()
        self._socket = None

    def _call(self, method: str, target: str, body: bytes | None, timeout_s: float) -> bytes:
        with self._response(method, target, body, timeout_s) as response:
            answer = _read(response)
        self._check(response, answer)
        return answer

    @contextmanager
    def _response(
        self, method: str, target: str, body: bytes | None, timeout_s: float
    ) -> Iterator[http.client.HTTPResponse]:
        """What the server answers, to be read while this is open; what goes wrong meanwhile is a CallError or a ConnectionError."""
        self._overdue.clear()
        timer: threading.Timer | None = None
        try:
            self._open(timeout_s)
            timer = threading.Timer(timeout_s, self._be_overdue)
            timer.daemon = True
            timer.start()
            self._connection.request(method, target, body, self._headers)
            yield self._connection.getresponse()
        except UntrustworthyError:
            self.close()
            raise
        except (OSError, http.client.HTTPException) as error:
            connected = self._socket is not None
            self.close()
            if self._overdue.is_set() or (connected and isinstance(error, TimeoutError)):
                raise _overdue(timeout_s) from error
            if isinstance(error, ConnectionError):
                raise
            raise _judged(error) from error
        finally:
            if timer is not None:
                timer.cancel()
        if self._overdue.is_set():  # an answer without a length ends where the connection does
            self.close()
            raise _overdue(timeout_s)

    def _open(self, timeout_s: float) -> None:
        if self._connection.sock is None:
            self._connection.timeout = min(_CONNECT_S, timeout_s)
            self._connection.connect()
        self._socket = self._connection.sock
        self._connection.sock.settimeout(timeout_s)
        if self._aborted:  # before there was a socket to hang up
            raise ConnectionAbortedError("it was given up")

    def _be_overdue(self) -> None:
        self._overdue.set()
        self._hang_up()

    def _check(self, response: http.client.HTTPResponse, answer: bytes) -> None:
        status = response.status
        if status == http.client.OK:
            return
        reason = f"HTTP {status}"
        if 300 <= status < 400:
            raise UntrustworthyError(f"{reason}: it sends requests elsewhere, and they stay here")
        if said := self._harmless(_error_message(answer)):
            reason = f"{reason}: {said}"
        if advice := _ADVICE.get(status):
            reason = f"{reason} ({advice})"
        if status in _LATER or status >= 500:
            raise UnreachableError(reason, _seconds(response.getheader("Retry-After")))
        if status in {401, 403}:
            raise DeniedError(reason)
        raise UnfitError(reason) if status in _UNFIT else UntrustworthyError(reason)

    def _harmless(self, message: str) -> str:
        """A server's words on one short line, without the key: servers are known to repeat it."""
        for secret in self._headers.get("Authorization", "").split()[1:]:
            message = message.replace(secret, "***")
        return one_line(message)[:_REASON_CHARACTERS]


def _unanswered(error: ConnectionError) -> UnreachableError:
    if isinstance(error, ConnectionRefusedError):
        return UnreachableError(
            "no answer: connection refused (is it running, at that address? context.servers in config.toml)"
        )
    return UnreachableError(f"no answer: {error}")


def _overdue(timeout_s: float) -> OverdueError:
    return OverdueError(f"it took longer than {timeout_s:g} seconds (context.timeout_s allows it more)")


def _judged(error: Exception) -> CallError:
    if isinstance(error, http.client.IncompleteRead):
        return UnreachableError("it broke off in the middle of an answer")
    if isinstance(error, http.client.HTTPException):
        return UntrustworthyError("its answer is not HTTP")
    return UnreachableError(f"it cannot be reached: {error}")


def _read(response: http.client.HTTPResponse) -> bytes:
    pieces, size = [], 0
    while piece := response.read(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise UntrustworthyError(f"its answer is longer than {MAX_ANSWER_BYTES >> 20} MiB")
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(pieces)


def _lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    size = 0
    while line := response.readline(MAX_ANSWER_BYTES):
        size += len(line)
        if size > MAX_ANSWER_BYTES:
            raise UntrustworthyError(f"its answer is longer than {MAX_ANSWER_BYTES >> 20} MiB")
        yield line
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)


def _error_message(answer: bytes) -> str:
    """`{"error": "..."}` and `{"error": {"message": "..."}}` are usual; anything else is not shown."""
    try:
        content = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return ""
    error = content.get("error") if isinstance(content, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return message if isinstance(message, str) else ""


def _seconds(retry_after: str | None) -> float:
    """The header's seconds; its other form, a date, is not used by these servers."""
    return (
        min(float(retry_after), _LONGEST_WAIT_S)
        if retry_after and retry_after.isascii() and retry_after.isdigit()
        else 0.0
    )
