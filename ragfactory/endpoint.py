"""Addresses of HTTP servers: taken apart and checked once, safe to show, and how to connect to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import http.client


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to send requests. `name` is safe to show: a path or a query can hold a secret, so it has neither."""

    scheme: str
    host: str
    port: int | None
    target: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Take a URL apart. Raises ValueError with a reason that does not repeat it."""
        if not url.isascii() or not url.isprintable() or " " in url:
            raise ValueError("it holds a space, a control character or one that is not ASCII")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
            host.encode("idna")
        except ValueError as error:
            raise ValueError("its host or port is not one") from error
        if parts.scheme not in {"http", "https"} or not host:
            raise ValueError("it does not begin with http:// or https:// and a host")
        if parts.username is not None:
            raise ValueError("it holds a user name, which would end up in logs")
        return cls(parts.scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))

    @property
    def name(self) -> str:
        """Scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port is not None else "")

    def connect(self, timeout_s: float) -> http.client.HTTPConnection:
        """A connection that opens itself when it is first used; no step of it takes longer than `timeout_s`."""
        import http.client  # the configuration holds addresses, and most commands call nobody

        kind = http.client.HTTPSConnection if self.scheme == "https" else http.client.HTTPConnection
        return kind(self.host, self.port, timeout=timeout_s)


def bearer(token: str | None) -> dict[str, str]:
    """The header that shows a secret to a server; none without one. Raises ValueError where a header cannot hold it."""
    if not token:
        return {}
    if not token.isascii() or not token.isprintable():
        raise ValueError("it holds a character that a header cannot")
    return {"Authorization": f"Bearer {token}"}
