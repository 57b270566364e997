"""One file over HTTP, into a file that grows: what is there is not asked for again, and a connection that breaks is made anew.

`huggingface_hub` throws away what it has of a file when it is stopped, so the bytes are fetched here, over its client: with its
proxies, certificates and offline mode.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import httpx2
from huggingface_hub import get_session, hf_raise_for_status

from ragfactory.download.room import require_room
from ragfactory.hashes import sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Count = Callable[[int, int | None], None]

_TIMEOUT_S = 30.0  # without a byte
_NOBODY_THERE = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)
_FAILED_FOR_NOW = frozenset({408, 425, 429, 500, 502, 503, 504})


class Digest(NamedTuple):
    """What a file's bytes have to come to: their SHA-256, or git's SHA-1 of a blob; both in hex."""

    kind: Literal["sha256", "git"]
    value: str

    def of(self, file: Path) -> str:
        """What a file comes to."""
        if self.kind == "sha256":
            return sha256(file)
        data = file.read_bytes()  # git's own are small: larger files are stored beside it, with a SHA-256
        return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that can be fetched: where, with which headers, and, where they are known, its bytes and what they come to."""

    name: str
    url: str
    headers: Mapping[str, str]
    size: int | None = None
    digest: Digest | None = None

    @property
    def key(self) -> str:
        """What its unfinished part is called by: the same for the same bytes, as far as that is known."""
        return self.digest.value if self.digest else hashlib.sha256(self.url.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Persistence:
    """How often a connection is made anew without a byte in between, and the seconds before it, which double each time."""

    tries: int = 5
    first_wait_s: float = 1.0


class CutOffError(httpx2.TransportError):
    """The answer ended before the file did."""


class OverlongError(httpx2.HTTPError):
    """The answer goes on after the end of the file."""


def fetch(file: RemoteFile, part: Path, count: Count, persistence: Persistence = Persistence()) -> None:
    """Bring `part` to the file's whole length; `count` gets the bytes that are there and, where it is known, how many it will have.

    Stopped at any byte, it goes on from there when it is called again. Raises httpx2.HTTPError and OSError when that cannot be
    done, ModelUnavailableError when the disk has no room for it.
    """
    failures, answered = 0, False
    complete = False
    while not complete:
        before = _length(part)
        try:
            if file.size is None or before != file.size:
                _receive(file, part, count)
            complete = True
        except httpx2.HTTPError as error:
            came = _length(part) > before
            failures, answered = (0 if came else failures + 1), answered or came
            if not _may_pass(error, answered) or failures >= persistence.tries:
                raise
            time.sleep(persistence.first_wait_s * 2 ** max(0, failures - 1))


def _may_pass(error: httpx2.HTTPError, answered: bool) -> bool:
    """Whether another try may do better. A host that cannot be reached at all is told at once; one that `answered` may return."""
    response = getattr(error, "response", None)
    if response is not None:
        return response.status_code in _FAILED_FOR_NOW
    return isinstance(error, httpx2.TransportError) and (answered or not isinstance(error, _NOBODY_THERE))


def _receive(file: RemoteFile, part: Path, count: Count) -> None:
    """One answer of the server, as far as it comes."""
    version = part.with_suffix(".version")  # of a file without a known digest: what the server calls what we have of it
    start = _length(part)
    headers = {**file.headers, "Accept-Encoding": "identity"}
    if start and file.digest is None:
        if version.is_file():
            headers["If-Range"] = version.read_text(encoding="utf-8")
        else:
            start = 0
    if start:
        headers["Range"] = f"bytes={start}-"
    with get_session().stream("GET", file.url, headers=headers, timeout=_TIMEOUT_S, follow_redirects=True) as response:
        if response.status_code == httpx2.codes.RANGE_NOT_SATISFIABLE:
            part.unlink()  # it is longer than the file
            raise CutOffError("the server has less of the file than is here")
        hf_raise_for_status(response)
        if not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            start = 0
        total = _total(file, response, start)
        if total is not None:
            require_room(part.parent, total - start)
        with part.open("r+b" if part.exists() else "wb") as stream:
            stream.truncate(start)
            stream.seek(start)
            if not start:
                _remember(response, version)
            count(start, total)
            for piece in response.iter_bytes():
                if total is not None and start + len(piece) > total:
                    raise OverlongError(f"the file has {total:,} bytes, and more came")
                stream.write(piece)
                stream.flush()  # what is counted is there, however this ends
                start += len(piece)
                count(start, total)
    if total is not None and start != total:
        raise CutOffError(f"the file has {total:,} bytes, and {start:,} came")


def _remember(response: httpx2.Response, version: Path) -> None:
    """Keep what tells this version of the file from others, where the server says something that does."""
    etag = str(response.headers.get("ETag", ""))
    validator = etag if etag.startswith('"') else str(response.headers.get("Last-Modified", ""))
    if validator:
        version.write_text(validator, encoding="utf-8")
    else:
        version.unlink(missing_ok=True)


def _total(file: RemoteFile, response: httpx2.Response, start: int) -> int | None:
    if file.size is not None:
        return file.size
    length = response.headers.get("Content-Length", "")
    encoded = response.headers.get("Content-Encoding", "identity") != "identity"
    return start + int(length) if length.isdecimal() and not encoded else None


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
