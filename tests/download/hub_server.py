"""A double of a hub of models: a real HTTP server that speaks Hugging Face's interface, large files behind a redirect."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" * 6 + "cafe"
_LARGE = 2000


@dataclass
class HubServer:
    """A hub that holds `repos`: the bytes of each file by its path, by repository; and `plain` files at paths of its own.

    `breaks` has the connection end after so many bytes of an answer, answer by answer. `instead` is served in the place of a file.
    `says` is what its listings hold of a file in the place of what is true.
    Where `holds` says so, an answer stops after so many bytes until the hub ends. Large files are `elsewhere`, if anywhere.
    `status` is what it answers to all, with a code for why. Without `ranges`, it sends a file from its beginning whatever is asked.
    """

    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    plain: dict[str, bytes] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    instead: dict[str, bytes] = field(default_factory=dict)
    says: dict[str, dict[str, Any]] = field(default_factory=dict)
    holds: int | None = None
    elsewhere: str = ""
    status: tuple[int, str] | None = None
    ranges: bool = True
    etag: str | None = '"v1"'
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def ranges_asked(self) -> list[str]:
        """The ranges that were asked for, of large files."""
        return [headers["Range"] for target, headers in self.asked if "Range" in headers and "/resolve/" not in target]

    def listing(self, repo: str) -> dict[str, Any]:
        """What the hub says of a repository."""
        siblings = []
        for path, data in self.repos[repo].items():
            entry: dict[str, Any] = {"rfilename": path, "size": len(data), "blobId": git_hash(data)}
            if len(data) >= _LARGE:
                entry["lfs"] = {"sha256": sha256(data), "size": len(data), "pointerSize": 134}
            entry |= self.says.get(path, {})
            siblings.append(entry)
        return {
            "_id": "1",
            "id": repo,
            "sha": COMMIT,
            "siblings": siblings,
            "private": False,
            "downloads": 0,
            "tags": [],
        }


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of those who hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def do_GET(self) -> None:
        self.hub.asked.append((self.path, {name.title(): value for name, value in self.headers.items()}))
        if self.hub.status is not None:
            status, code = self.hub.status
            self._send(status, b'{"error": "no"}', {"X-Error-Code": code} if code else {})
            return
        path = unquote(urlsplit(self.path).path)
        if api := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(\w+)", path):
            self._say_listing(api[1])
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/(\w+)/(.+)", path):
            self._send_repo_file(found[1], found[3])
        elif path.startswith("/cdn/"):
            self._send_part(next(data for data in self._all() if sha256(data) == path.removeprefix("/cdn/")))
        elif path in self.hub.plain:
            self._send_part(self.hub.plain[path])
        else:
            self._send(404, b"", {})

    def _all(self) -> list[bytes]:
        return [data for files in self.hub.repos.values() for data in files.values()]

    def _say_listing(self, repo: str) -> None:
        if repo not in self.hub.repos:  # which is how the Hugging Face Hub answers to somebody it does not know
            self._send(401, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"})
            return
        self._send(200, json.dumps(self.hub.listing(repo)).encode(), {"Content-Type": "application/json"})

    def _send_repo_file(self, repo: str, path: str) -> None:
        data = self.hub.repos[repo][path]
        if len(data) >= _LARGE:
            self._send(302, b"", {"Location": f"{self.hub.elsewhere}/cdn/{sha256(data)}?Signature=SECRET"})
        else:
            self._send_part(data)

    def _send_part(self, data: bytes) -> None:
        data = self.hub.instead.get(sha256(data), data)
        start, status = 0, 200
        headers = {"ETag": self.hub.etag} if self.hub.etag else {}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range") in {None, self.hub.etag}
        if asked and self.hub.ranges and same:
            start, status = int(asked[1]), 206
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            if start >= len(data):
                self._send(416, b"", {})
                return
        self._send(status, data[start:], headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.hub.breaks and status in {200, 206} and len(body) >= _LARGE:
            self.wfile.write(body[: self.hub.breaks.pop(0)])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(2)
            return
        if self.hub.holds is not None and len(body) >= _LARGE:
            self.wfile.write(body[: self.hub.holds])
            self.wfile.flush()
            self.hub.ended.wait()
            return
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
