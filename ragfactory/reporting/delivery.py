"""Posting to a URL from a background thread, which waits for a slow server and tries again with one that fails.

What waits to be sent is kept by key, and a newer body takes the place of an older one that was not sent yet: however long the
server is gone, no more waits than there are keys, and what arrives for a key arrives in order. Delivery is at least once: a
body whose answer was lost is sent again.
"""

from __future__ import annotations

import http.client
import random
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from ragfactory.endpoint import Endpoint

    Body = Callable[[], bytes]

_TIMEOUT_S = 5.0
_LAST_TRY_S = 1.0  # for a server that was not there when it was asked last
_FIRST_RETRY_S = 0.2
_LAST_RETRY_S = 5.0
_ANSWER_BYTES = 64 * 1024  # an answer that is longer is not read to its end
_TOO_MANY_REQUESTS = 429


class Delivery:
    """Posts JSON bodies to an endpoint until `stop`. A body is a function, called when it is sent."""

    def __init__(self, endpoint: Endpoint, headers: dict[str, str]) -> None:
        self._endpoint = endpoint
        self._headers = {"Content-Type": "application/json", **headers}
        self._connection = endpoint.connect(_TIMEOUT_S)
        self._changed = threading.Condition()
        self._waiting: OrderedDict[Hashable, Body] = OrderedDict()
        self._draining = self._stopped = False
        self._gone = False
        self._refused = 0
        self._reason = ""
        self._thread = threading.Thread(target=self._send_all, name="webhook", daemon=True)
        self._thread.start()

    @property
    def undelivered(self) -> int:
        """Bodies that the server refused, and those that still wait."""
        with self._changed:
            return self._refused + len(self._waiting)

    @property
    def reason(self) -> str:
        """What went wrong last, in a few words; empty when nothing did."""
        return self._reason

    def put(self, bodies: Iterable[tuple[Hashable, Body]]) -> None:
        """Have bodies sent after all that wait, each instead of the one that waits under its key."""
        newest = dict(bodies)
        with self._changed:
            for key, body in newest.items():
                self._waiting[key] = body
                self._waiting.move_to_end(key)
            self._changed.notify()

    def put_first(self, key: Hashable) -> None:
        """Send next what waits under a key."""
        with self._changed:
            if key in self._waiting:
                self._waiting.move_to_end(key, last=False)

    def drain(self, seconds: float) -> None:
        """Wait until everything is sent, at most so long. No body may be put after this.

        A server that was not there when it was asked last gets one short try.
        """
        with self._changed:
            self._draining = True
            self._changed.notify()
        self._thread.join(min(seconds, _LAST_TRY_S) if self._gone else seconds)

    def stop(self) -> None:
        """Give up what still waits."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _send_all(self) -> None:
        failures = 0
        while (entry := self._next()) is not None:
            key, body = entry
            is_last = self._draining and self._gone
            self._connection.timeout = _LAST_TRY_S if is_last else _TIMEOUT_S
            status = self._post(body())
            if is_last and self._gone:
                break
            if status is None or status == _TOO_MANY_REQUESTS or status >= 500:
                failures += 1
                self._put_back(key, body)
                self._pause(failures)
            else:
                failures = 0
                self._settle(key, body, delivered=200 <= status < 300)
        self._connection.close()

    def _next(self) -> tuple[Hashable, Body] | None:
        """What waits longest. It stays where it is until it is sent; None ends the thread."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._draining or self._stopped)
            return None if self._stopped else next(iter(self._waiting.items()), None)

    def _settle(self, key: Hashable, body: Body, *, delivered: bool) -> None:
        with self._changed:
            if self._waiting[key] is body:
                del self._waiting[key]
            if not delivered:
                self._refused += 1

    def _put_back(self, key: Hashable, body: Body) -> None:
        """Let the others go first, so that a body the server trips over does not stop them."""
        with self._changed:
            if self._waiting[key] is body:
                self._waiting.move_to_end(key)

    def _pause(self, failures: int) -> None:
        """Wait before the next try, twice as long each time; when draining begins, no longer."""
        longest = min(_FIRST_RETRY_S * 2 ** min(failures - 1, 10), _LAST_RETRY_S)
        delay = longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients over time, keeps no secret
        with self._changed:
            draining = self._draining
            self._changed.wait_for(lambda: self._stopped or self._draining is not draining, delay)

    def _post(self, body: bytes) -> int | None:
        """The status of the answer, None when there was none."""
        try:
            self._connection.request("POST", self._endpoint.target, body, self._headers)
            response = self._connection.getresponse()
            response.read(_ANSWER_BYTES)
            if not response.isclosed():
                self._connection.close()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            # One that hangs up or talks nonsense is there, and may be on its way back.
            self._gone = not isinstance(error, http.client.HTTPException | ConnectionResetError | BrokenPipeError)
            self._reason = str(error) if isinstance(error, OSError) else "its answer is not HTTP"
            return None
        self._gone = False
        if response.status >= 300:
            self._reason = f"HTTP {response.status}"
        return response.status
