"""Bytes over HTTP: what is here is not asked for again, what breaks goes on, what changed starts over."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING

import httpx2
import pytest

from ragfactory.download import room
from ragfactory.download.transfer import Digest, OverlongError, Persistence, RemoteFile, fetch
from ragfactory.errors import ModelUnavailableError
from tests.download.hub_server import sha256

if TYPE_CHECKING:
    from pathlib import Path

    from tests.download.hub_server import HubServer

DATA = bytes(range(256)) * 400
AT_ONCE = Persistence(first_wait_s=0.0)


def plain(server: HubServer, *, known: bool = True) -> RemoteFile:
    server.plain["/files/data"] = DATA
    digest = Digest("sha256", sha256(DATA)) if known else None
    return RemoteFile("data", f"{server.url}/files/data", {}, len(DATA) if known else None, digest)


def fetched(file: RemoteFile, part: Path) -> list[tuple[int, int | None]]:
    counts: list[tuple[int, int | None]] = []
    fetch(file, part, lambda done, total: counts.append((done, total)), AT_ONCE)
    return counts


@pytest.mark.parametrize("known", [True, False])
def test_a_connection_that_breaks_again_and_again_goes_on_where_it_was(
    server: HubServer, tmp_path: Path, known: bool
) -> None:
    server.breaks = [5_000, 20_000, 1]
    counts = fetched(plain(server, known=known), tmp_path / "x.part")
    assert (tmp_path / "x.part").read_bytes() == DATA
    assert [headers.get("Range") for _, headers in server.asked] == [
        None,
        "bytes=5000-",
        "bytes=25000-",
        "bytes=25001-",
    ]
    assert counts[0] == (0, len(DATA))
    assert counts[-1] == (len(DATA), len(DATA))


@pytest.mark.parametrize("known", [True, False])
def test_what_an_earlier_call_left_is_not_asked_for_again(server: HubServer, tmp_path: Path, known: bool) -> None:
    file = plain(server, known=known)
    server.breaks = [30_000, 0, 0, 0, 0, 0]
    with pytest.raises(httpx2.TransportError):
        fetched(file, tmp_path / "x.part")
    server.asked.clear()
    assert fetched(file, tmp_path / "x.part")[0] == (30_000, len(DATA))
    assert [headers["Range"] for _, headers in server.asked] == ["bytes=30000-"]
    assert (tmp_path / "x.part").read_bytes() == DATA


def test_a_whole_part_is_not_asked_for_at_all(server: HubServer, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(DATA)
    fetched(plain(server), tmp_path / "x.part")
    assert not server.asked


@pytest.mark.parametrize("etag", ['"v2"', None, 'W/"v1"'])
def test_a_file_that_may_be_another_now_starts_over(server: HubServer, tmp_path: Path, etag: str | None) -> None:
    file = plain(server, known=False)
    server.etag = '"v1"' if etag == '"v2"' else etag
    server.breaks = [30_000, 0, 0, 0, 0, 0]
    with pytest.raises(httpx2.TransportError):
        fetched(file, tmp_path / "x.part")
    server.etag = etag
    server.plain["/files/data"] = DATA[::-1]
    fetched(file, tmp_path / "x.part")
    assert (tmp_path / "x.part").read_bytes() == DATA[::-1]


def test_a_server_without_ranges_sends_it_all_again(server: HubServer, tmp_path: Path) -> None:
    server.ranges, server.breaks = False, [5_000]
    fetched(plain(server), tmp_path / "x.part")
    assert (tmp_path / "x.part").read_bytes() == DATA


def test_a_part_that_is_too_long_starts_over(server: HubServer, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(DATA + b"more")
    fetched(plain(server), tmp_path / "x.part")
    assert (tmp_path / "x.part").read_bytes() == DATA


def test_a_server_that_sends_more_than_the_file_is_believed_no_further(server: HubServer, tmp_path: Path) -> None:
    file = plain(server)
    server.plain["/files/data"] = DATA + b"and more" * 1000
    with pytest.raises(OverlongError, match=f"the file has {len(DATA):,} bytes, and more came"):
        fetched(file, tmp_path / "x.part")
    assert (tmp_path / "x.part").stat().st_size <= len(DATA)
    assert len(server.asked) == 1


def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not(server: HubServer, tmp_path: Path) -> None:
    for status, times in ((503, 5), (403, 1)):
        server.asked.clear()
        server.status = status, ""
        with pytest.raises(httpx2.HTTPError):
            fetched(plain(server), tmp_path / "x.part")
        assert len(server.asked) == times


def test_a_host_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(httpx2.ConnectError):
        fetch(RemoteFile("x", f"http://127.0.0.1:{port}/x", {}), tmp_path / "x.part", lambda _done, _total: None)


def test_the_disk_is_asked_for_room_before_a_byte_is_read(
    server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
    with pytest.raises(ModelUnavailableError, match="no room on the disk"):
        fetched(plain(server, known=False), tmp_path / "x.part")
    assert not (tmp_path / "x.part").exists()
