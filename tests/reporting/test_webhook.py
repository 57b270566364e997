"""The webhook: what it tells of a run, that it tells the last of it whatever the server does, and what it keeps to itself."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ragfactory import events
from ragfactory.errors import UsageError
from ragfactory.reporting.delivery import Delivery
from ragfactory.reporting.webhook import Webhook
from tests.reporting.conftest import PROMISE_S, Receiver, serving, silent_port

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

INDEX = "acme/p1/rapport"
ROOT = "/documents"
COMMON = {"schema": "ragfactory/1", "run_id": "run-1"}


def received(doc_id: str) -> events.Received:
    return events.Received(ROOT, doc_id)


def made(doc_id: str) -> Iterator[events.Event]:
    """The events of a document that goes all the way, up to publishing."""
    yield received(doc_id)
    yield events.Started(ROOT, doc_id)
    yield events.Prepared(ROOT, doc_id, "rapport", 4, 10, 0, 0.5, 0.1)
    yield events.Assembled(ROOT, doc_id, INDEX, 7, 2, 1)
    yield events.Stored(ROOT, doc_id, INDEX, "added")


def published() -> Iterator[events.Event]:
    yield events.Publishing(INDEX)
    yield events.Published(INDEX, 3, 1, 10, 0.2)


def play(hook: Webhook, *streams: Iterator[events.Event] | events.Event) -> None:
    for stream in streams:
        for event in [stream] if isinstance(stream, events.Event) else stream:
            hook(event)


def wait_until_busy(receiver: Receiver) -> None:
    assert receiver.busy.wait(PROMISE_S)


class Sent:
    """Lets a test go on when the receiver has taken a number of messages."""

    def __init__(self, receiver: Receiver, count: int) -> None:
        self._receiver, self._count, self._done = receiver, count, threading.Event()
        receiver.answer_to = self._answer

    def _answer(self, _message: dict[str, Any]) -> int:
        if len(self._receiver.tried) >= self._count:
            self._done.set()
        return 204

    def wait(self) -> None:
        assert self._done.wait(PROMISE_S)


def step_by_step(receiver: Receiver, hook: Webhook, stream: Iterator[events.Event]) -> None:
    """Play events at the pace of the receiver, so that none replaces another."""
    for event in stream:
        sent = Sent(receiver, len(receiver.tried) + 1)
        hook(event)
        sent.wait()


def test_a_document_is_followed_from_received_to_completed(receiver: Receiver) -> None:
    first = Sent(receiver, 1)
    with Webhook(receiver.url, "run-1") as hook:
        first.wait()
        hook(events.Begun("acme", "p1"))
        step_by_step(receiver, hook, made("a.pdf"))
        step_by_step(receiver, hook, published())
    followed = [message for message in receiver.taken if message["kind"] == "document"]
    assert [(message["status"], message["progress"]) for message in followed] == [
        ("received", 0),
        ("chunking", 25),
        ("enriching", 50),
        ("embedding", 50),
        ("embedding", 80),
        ("storing", 85),
        ("completed", 100),
    ]
    assert [message["counts"] for message in followed[:3]] == [{}, {}, {"pages": 4}]
    last = followed[-1]
    assert datetime.now(UTC) - datetime.fromisoformat(last.pop("time")) < timedelta(minutes=5)
    assert 0 <= followed[0]["duration_s"] <= last.pop("duration_s")
    assert last == COMMON | {
        "kind": "document",
        "tenant": "acme",
        "project": "p1",
        "root": ROOT,
        "doc_id": "a.pdf",
        "status": "completed",
        "progress": 100,
        "counts": {"pages": 4, "chunks_made": 7, "chunks_reused": 2, "chunks_deduplicated": 1},
    }


def test_the_beginning_and_the_end_of_a_run(receiver: Receiver) -> None:
    report = {"files_seen": 3, "chunks_made": 7, "files_skipped": {".zip": 2}, "failed": [{"path": "b.pdf"}]}
    report |= {"seconds": 1.5, "published": [{"index": INDEX, "version": 3}]}
    first = Sent(receiver, 1)
    with Webhook(receiver.url, "run-1") as hook:
        first.wait()
        play(hook, events.Begun("acme", "p1"), made("a.pdf"), published(), events.Begun("acme", "p2"))
        hook.run_ended(3, report)
    beginning, last = receiver.taken[0], receiver.taken[-1]
    assert (hook.undelivered, hook.problem) == (0, None)
    assert beginning.items() >= {**COMMON, "kind": "run", "status": "started", "progress": 0}.items()
    assert {name: last[name] for name in last if name not in {"time", "duration_s"}} == COMMON | {
        "kind": "run",
        "status": "partial",
        "progress": 100,
        "exit_code": 3,
        "projects": [{"tenant": "acme", "project": "p1"}, {"tenant": "acme", "project": "p2"}],
        "counts": {"files_seen": 3, "chunks_made": 7, "files_skipped": 2, "files_failed": 1},
        "published": [{"index": INDEX, "version": 3}],
        "errors": [],
    }


@pytest.mark.parametrize(("exit_code", "status"), [(0, "completed"), (3, "partial"), (6, "failed"), (130, "failed")])
def test_the_status_of_a_run_follows_from_its_exit_code(receiver: Receiver, exit_code: int, status: str) -> None:
    error = {"code": "locked", "message": "another run", "hint": None}
    with Webhook(receiver.url, "run-1") as hook:
        hook.run_ended(exit_code, errors=[error])
    last = receiver.taken[-1]
    assert (last["status"], last["errors"], last["counts"]) == (status, [error], {})


def test_a_file_that_fails_says_why(receiver: Receiver) -> None:
    with Webhook(receiver.url, "run-1") as hook:
        play(hook, received("b.pdf"), events.Started(ROOT, "b.pdf"))
        hook(events.Failed(ROOT, "b.pdf", "encrypted", "it asks for a pass\udcffword", "save it without one"))
    last = receiver.taken[-1]
    assert (last["status"], last["progress"]) == ("failed", 25)
    assert last["error"] == {"code": "encrypted", "message": "it asks for a pass?word", "hint": "save it without one"}


def test_every_document_gets_an_end(receiver: Receiver) -> None:
    """Whether the time was up, the next project begun, or the run ended before it was published."""
    with Webhook(receiver.url, "run-1") as hook:
        play(hook, events.Begun("acme", "p1"), received("late"), events.Started(ROOT, "late"))
        play(hook, events.Left(ROOT, "late"), received("waiting"), events.Begun("acme", "p2"), made("unpublished"))
        hook.run_ended(4)
    ends = {m["doc_id"]: (m["project"], m["status"], m["progress"]) for m in receiver.taken if m["kind"] == "document"}
    assert ends == {"late": ("p1", "left", 25), "waiting": ("p1", "left", 0), "unpublished": ("p2", "left", 80)}


@pytest.mark.parametrize("answer", [503, 429, "reset", "garbage"])
def test_what_fails_for_a_while_is_sent_again(receiver: Receiver, answer: int | str) -> None:
    receiver.answers = [answer] * 3
    with Webhook(receiver.url, "run-1") as hook:
        play(hook, made("a.pdf"), published())
        hook.run_ended(0)
    assert (hook.undelivered, hook.problem) == (0, None)
    assert receiver.statuses("a.pdf")[-1] == "completed"
    assert receiver.runs()[-1]["status"] == "completed"
    assert len(receiver.tried) == len(receiver.taken) + 3


@pytest.mark.parametrize("answer", [400, 401, 404, 307])
def test_what_the_server_refuses_is_not_sent_again_nor_elsewhere(receiver: Receiver, answer: int) -> None:
    receiver.answer_to = lambda message: answer if message["kind"] == "document" else 204
    with Webhook(receiver.url, "run-1") as hook:
        hook(events.Failed(ROOT, "b.pdf", "empty", "no text"))
    assert hook.undelivered == 1
    assert str(hook.problem).startswith("1 status not delivered")
    assert f"HTTP {answer}" in str(hook.problem)
    assert len(receiver.tried) == 2
    assert set(receiver.targets) == {"/hook"}


def test_only_the_newest_status_of_a_document_waits(receiver: Receiver) -> None:
    receiver.answers = ["hang"]
    with Webhook(receiver.url, "run-1") as hook:
        wait_until_busy(receiver)
        for n in range(50):
            play(hook, made(f"{n}.pdf"))
        play(hook, published())
        assert hook.undelivered == 51
        receiver.released.set()
    assert [receiver.statuses(f"{n}.pdf") for n in range(50)] == [["completed"]] * 50


def test_a_status_that_is_replaced_while_it_is_sent_arrives_before_the_newer_one(receiver: Receiver) -> None:
    first = Sent(receiver, 1)
    with Webhook(receiver.url, "run-1") as hook:
        first.wait()
        receiver.busy.clear()
        receiver.answers = ["hang"]
        hook(received("a.pdf"))
        wait_until_busy(receiver)
        play(hook, made("a.pdf"), published())
        receiver.released.set()
    assert [m["status"] for m in receiver.tried if m["kind"] == "document"] == ["received", "completed"]


def test_a_document_the_server_trips_over_does_not_stop_the_others(receiver: Receiver) -> None:
    receiver.answer_to = lambda message: 500 if message.get("doc_id") == "bad.pdf" else 204
    with Webhook(receiver.url, "run-1", drain_s=4.0) as hook:
        play(hook, received("bad.pdf"), received("good.pdf"))
        hook.run_ended(0)
    assert hook.undelivered == 1
    assert receiver.statuses("good.pdf") == ["left"]
    assert receiver.runs()[-1]["status"] == "completed"


def test_a_server_that_comes_up_later_gets_what_waits() -> None:
    with silent_port() as (server, port), Webhook(f"http://127.0.0.1:{port}/hook", "run-1") as hook:
        play(hook, made("a.pdf"), published())
        with serving(Receiver(), server) as later:
            hook.run_ended(0)
            hook.close()
    assert hook.undelivered == 0
    assert later.statuses("a.pdf") == ["completed"]
    assert later.runs()[-1]["status"] == "completed"


@pytest.mark.parametrize("dead", ["gone", "hangs"])
def test_a_server_that_stays_dead_is_given_up_and_told(receiver: Receiver, dead: str) -> None:
    receiver.answers = ["hang"] * 100
    server = "http://127.0.0.1:9" if dead == "gone" else f"http://127.0.0.1:{receiver.port}"
    with Webhook(f"{server}/hook?key=sesame", "run-1", token="abracadabra", drain_s=0.3) as hook:
        play(hook, made("a.pdf"))
        hook.run_ended(0)
    assert hook.undelivered == 2
    problem = str(hook.problem)
    assert problem.startswith(f"2 statuses not delivered to the webhook at {server} (")
    assert "sesame" not in problem
    assert "abracadabra" not in problem


def test_a_server_that_is_gone_at_the_end_gets_one_more_try(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0
    tried = threading.Event()

    def refuse(_connection: http.client.HTTPConnection) -> None:
        nonlocal tries
        tries += 1
        tried.set()
        raise ConnectionRefusedError("nobody listens")

    monkeypatch.setattr(http.client.HTTPConnection, "connect", refuse)
    hook = Webhook("http://127.0.0.1:9/hook", "run-1")
    assert tried.wait(PROMISE_S)
    hook.run_ended(0)
    before = tries
    hook.close()
    assert tries - before <= 2, "the last, and one that was under way"
    assert str(hook.problem).endswith("(nobody listens)")


def test_the_end_of_the_run_goes_first_when_time_runs_short(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.answers = ["hang"]
    hook = Webhook(receiver.url, "run-1", drain_s=6.0)
    wait_until_busy(receiver)
    play(hook, received("a.pdf"))
    hook.run_ended(130)
    put_first = Delivery.put_first

    def put_first_and_release(delivery: Delivery, key: Hashable) -> None:
        put_first(delivery, key)
        receiver.released.set()

    monkeypatch.setattr(Delivery, "put_first", put_first_and_release)
    hook.close()
    assert [m["kind"] for m in receiver.tried[:2]] == ["run", "run"]


@pytest.fixture
def ctrl_c_heard() -> Iterator[None]:
    """Ctrl-C does what it does, also where these tests run in the background of a shell, which has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_who_presses_ctrl_c_waits_no_longer_and_changes_nothing_else(
    receiver: Receiver, ctrl_c_heard: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.answers = ["hang"]
    hook = Webhook(receiver.url, "run-1", drain_s=600.0)
    wait_until_busy(receiver)
    hook.run_ended(0)
    drain, waits = Delivery.drain, threading.Event()

    def drain_and_tell(delivery: Delivery, seconds: float) -> None:
        waits.set()
        drain(delivery, seconds)

    def press_ctrl_c() -> None:
        assert waits.wait(PROMISE_S), "before that it would end these tests"
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Delivery, "drain", drain_and_tell)
    pressing = threading.Timer(0.2, press_ctrl_c)
    pressing.start()
    hook.close()
    pressing.join()
    assert hook.undelivered == 1


def test_one_connection_serves_a_run(receiver: Receiver) -> None:
    with Webhook(receiver.url, "run-1") as hook:
        step_by_step(receiver, hook, made("a.pdf"))
    assert receiver.connections == 1
    assert len(receiver.taken) >= 5


def test_the_token_and_the_query_reach_the_server(receiver: Receiver) -> None:
    with Webhook(f"{receiver.url}?a=1#part", "run-1", token="sesame"):
        pass
    assert receiver.headers[0]["Authorization"] == "Bearer sesame"
    assert receiver.headers[0]["Content-Type"] == "application/json"
    assert receiver.targets == ["/hook?a=1"]


def test_without_a_token_there_is_no_authorization(receiver: Receiver) -> None:
    with Webhook(receiver.url, "run-1"):
        pass
    assert "Authorization" not in receiver.headers[0]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sesame",
        "ftp://example.com/sesame",
        "http:///sesame",
        "https://?sesame",
        "http://example.com:sesame",
        "http://example.com:99999/sesame",
        "http://[::1/sesame",
        f"http://{'a' * 70}.example/sesame",
        "http://example.com/se same",
        "http://example.com/\nsesame",
        "http://example.com/sésame",
        "http://anna:sesame@example.com/",
    ],
)
def test_a_url_that_cannot_be_posted_to_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Webhook(url, "run-1")
    assert caught.value.hint
    assert "sesame" not in caught.value.message


@pytest.mark.parametrize("token", ["open\nsesame", "sésame"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(UsageError, match="token") as caught:
        Webhook("http://example.com", "run-1", token)
    assert token not in caught.value.message
