"""`reindex` and what it shares with `ingest`: the contract with cron."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from ragfactory.cli.running import is_over
from ragfactory.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace

    Cli = Callable[..., Ended]

SEALS = "The seals were counted from a boat along the whole coast of the island."
INVOICE = "The invoice was paid within thirty days by the treasurer of the club."
HOLD_LOCK = (
    "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); input()"
)


@pytest.fixture
def ingested(cli: Cli, workplace: Workplace) -> Workplace:
    workplace.write("a.txt", SEALS)
    workplace.write("b.txt", INVOICE)
    assert cli("ingest", "docs", "--profile", "algemeen").status == 0
    return workplace


def test_a_home_without_an_index_ends_with_5(cli: Cli) -> None:
    ended = cli("reindex", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.NO_INDEX, "no_index")


def test_what_changed_is_published_and_reported(cli: Cli, ingested: Workplace) -> None:
    ingested.write("c.txt", SEALS.replace("seals", "owls"))
    ended = cli("reindex", "--json")
    data = ended.envelope["data"]
    assert (ended.status, data["files_added"], data["files_unchanged"]) == (0, 1, 2)
    assert "nothing changed" in cli("reindex").out


def test_quiet_says_nothing_when_all_is_well(cli: Cli, ingested: Workplace) -> None:
    ingested.write("c.txt", SEALS.replace("seals", "owls"))
    for arguments in (("reindex", "--quiet"), ("ingest", "docs", "--profile", "algemeen", "-q")):
        ended = cli(*arguments)
        assert (ended.status, ended.out, ended.err) == (0, "", "")


def test_quiet_leaves_notes_out_for_people_and_not_for_scripts(cli: Cli, ingested: Workplace) -> None:
    ingested.write("c.txt", SEALS.replace("seals", "owls"))
    assert cli("reindex").status == 0
    stranger = next(ingested.config.indexes.glob("*/*/*/000001")) / "stranger.txt"
    stranger.write_text("not ours")
    for command in (("index", "check", "--all-versions"), ("index", "prune", "--keep", "1")):
        with stranger.with_name("manifest.json").open("rb") as manifest:
            fcntl.flock(manifest, fcntl.LOCK_SH)  # as one who reads the version
            ended = cli(*command, "--quiet")
            assert (ended.status, ended.out, ended.err) == (0, "", "")
            assert len(cli(*command, "--quiet", "--json").envelope["warnings"]) == 1
            assert "note: " in cli(*command).err


def test_quiet_says_a_line_for_each_problem(cli: Cli, ingested: Workplace) -> None:
    ingested.write("bad.txt", "")
    ended = cli("reindex", "--quiet")
    assert (ended.status, ended.out) == (ExitCode.PARTIAL, "")
    (line,) = ended.err.splitlines()
    assert line.startswith(f"error: {ingested.docs}/bad.txt: ")
    ended = cli("reindex", "--quiet")
    assert (ended.status, len(ended.err.splitlines())) == (ExitCode.PARTIAL, 1)
    assert "1 file that failed before is not tried again" in ended.err


def test_failed_files_are_shown_with_their_reason(cli: Cli, ingested: Workplace) -> None:
    assert "no file failed" in cli("index", "show", "--failed").out
    ingested.write("bad.txt", "")
    cli("reindex")
    cli("reindex", "--retry-failed")
    ended = cli("index", "show", "--failed", "--json")
    (entry,) = ended.envelope["data"]["failed"]
    assert (entry["doc_id"], entry["root"], entry["code"]) == ("bad.txt", str(ingested.docs), "empty")
    assert entry["attempts"] == 2
    assert "empty: " in cli("index", "show", "--failed").out


@pytest.mark.parametrize("is_mended", [False, True])
def test_a_list_of_failed_files_that_cannot_be_read_is_made_anew(
    cli: Cli, ingested: Workplace, is_mended: bool
) -> None:
    bad = ingested.write("bad.txt", "")
    cli("reindex")
    failures = ingested.config.indexes / "default/default/failed.jsonl"
    failures.write_bytes(failures.read_bytes() + b"{\n")
    assert cli("index", "show", "--failed").status == ExitCode.NO_INDEX
    if is_mended:
        bad.unlink()
    ended = cli("reindex", "--json")
    assert [error["code"] for error in ended.envelope["errors"]] == ([] if is_mended else ["empty"])
    assert ended.envelope["warnings"] == [
        f"{failures}: not a list of failed files that can be read: what failed before is tried again"
    ]
    listed = cli("index", "show", "--failed", "--json").envelope["data"]["failed"]
    assert [entry["doc_id"] for entry in listed] == ([] if is_mended else ["bad.txt"])
    assert cli("reindex", "--json").envelope["warnings"] == []


def test_failed_files_of_what_there_is_not_are_refused(cli: Cli, ingested: Workplace) -> None:
    ended = cli("index", "show", "--failed", "--tenant", "nope", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.NO_INDEX, "no_index")
    ended = cli("index", "show", "--failed", "--type", "algemeen", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.USAGE, "usage")
    ingested.write("bad.txt", "", root="bad")
    assert cli("ingest", "bad", "--tenant", "nope").status == ExitCode.NOT_PUBLISHED
    assert "bad.txt" in cli("index", "show", "--failed", "--tenant", "nope", "--json").out, "there is no index yet"


def test_a_dry_run_lists_files_and_changes_nothing(cli: Cli, ingested: Workplace) -> None:
    ingested.write("c.txt", SEALS.replace("seals", "owls"))
    (ingested.docs / "a.txt").unlink()
    ended = cli("reindex", "--dry-run")
    assert ended.status == 0
    assert f"added   {ingested.docs}/c.txt" in ended.out
    assert f"removed {ingested.docs}/a.txt" in ended.out
    assert cli("reindex", "--dry-run", "--json").envelope["data"]["planned"]["removed"] == [f"{ingested.docs}/a.txt"]
    assert "would be done: nothing; 2 unchanged" not in ended.out
    cli("reindex")
    assert "would be done: nothing; 2 unchanged" in cli("reindex", "--dry-run").out


def test_a_dry_run_is_told_to_nobody_else(
    cli: Cli, ingested: Workplace, received: tuple[str, list[dict[str, Any]]]
) -> None:
    url, bodies = received
    metrics = ingested.path / "ragfactory.prom"
    before = sorted(ingested.config.home.rglob("*"))
    for command in (("reindex",), ("ingest", "docs")):
        assert cli(*command, "--dry-run", "--webhook", url, "--metrics-file", metrics, "--json").status == 0
    assert (bodies, metrics.exists(), sorted(ingested.config.home.rglob("*"))) == ([], False, before)


@pytest.mark.parametrize(
    ("command", "message"), [(("ingest", "docs", "--profile", "rapport"), "cannot be written"), (("reindex",), "")]
)
def test_a_disk_that_fails_after_an_index_was_published_ends_with_3(
    cli: Cli, ingested: Workplace, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], message: str
) -> None:
    from ragfactory.store.publish import VersionBuilder

    if command == ("reindex",):
        ingested.write("d.txt", SEALS.replace("seals", "owls"), root="other")
        cli("ingest", "other", "--profile", "rapport")
        ingested.write("c.txt", SEALS.replace("seals", "herons"))
        ingested.write("e.txt", SEALS.replace("seals", "foxes"), root="other")
    publish = VersionBuilder.publish
    published: list[str] = []

    def fail_the_second(builder: VersionBuilder, *arguments: Any, **options: Any) -> Any:
        if published:
            raise OSError(28, "No space left on device")
        manifest = publish(builder, *arguments, **options)
        published.append(manifest.index)
        return manifest

    monkeypatch.setattr(VersionBuilder, "publish", fail_the_second)
    ended = cli(*command, "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.PARTIAL, "partly_published")
    assert message in ended.error["message"]
    assert f"published before that: {published[0]} version" in ended.error["message"]
    assert [version["index"] for version in ended.envelope["data"]["published"]] == published


def test_a_folder_that_vanished_ends_with_3_also_when_it_is_the_only_one(cli: Cli, ingested: Workplace) -> None:
    ingested.docs.rename(ingested.path / "unmounted")
    ended = cli("reindex", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.PARTIAL, "vanished")
    ingested.docs.mkdir()
    ended = cli("reindex", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.PARTIAL, "shrunk")


@pytest.fixture
def held(ingested: Workplace) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process that holds the project's lock until it reads a line."""
    lock = ingested.config.indexes / "default/default/LOCK"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process, lock
        process.kill()


def test_a_run_beside_another_ends_with_6_and_says_whose_it_is(cli: Cli, held: tuple[Any, Path]) -> None:
    held[1].write_bytes(b'{"pid": 4711, "host": "factory", "since": "2026-01-01T02:00:00+00:00"}')
    ended = cli("reindex", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.LOCKED, "locked")
    assert "process 4711 on factory since 2026-01-01T02:00:00" in ended.error["message"]
    assert cli("ingest", "docs", "--profile", "algemeen").status == ExitCode.LOCKED


def test_it_waits_for_the_other_run(cli: Cli, held: tuple[subprocess.Popen[str], Path]) -> None:
    process, _ = held
    threading.Timer(0.5, process.kill).start()
    assert cli("reindex", "--wait", "60").status == 0


def test_the_lock_of_a_dead_process_is_free(cli: Cli, held: tuple[subprocess.Popen[str], Path]) -> None:
    process, lock = held
    process.kill()
    process.wait()
    assert cli("reindex").status == 0
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("until", ["25:00", "6", "06:60", "six", "-1:00", "06:00:00"])
def test_a_time_that_is_none_is_told(cli: Cli, ingested: Workplace, until: str) -> None:
    ended = cli("reindex", f"--until={until}", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.USAGE, "usage")
    assert "06:00 expected" in ended.error["message"]
    with pytest.raises(UsageError):
        is_over(until)


def test_a_time_of_day_is_the_next_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import datetime, timedelta
    from time import time

    now = datetime.now().astimezone()
    before, after = (f"{now + timedelta(minutes=minutes):%H:%M}" for minutes in (-2, 2))
    assert not is_over(None)()
    over = {until: is_over(until) for until in (before, after)}
    assert not over[before]()
    assert not over[after]()
    moment = time() + 180
    monkeypatch.setattr("ragfactory.cli.running.time.time", lambda: moment)
    assert over[after]()
    assert not over[before](), "that is tomorrow"


@pytest.mark.parametrize(("day", "hours"), [("2024-03-30", 6), ("2024-03-31", 7), ("2024-10-26", 8)])
def test_a_time_of_day_is_what_the_clock_on_the_wall_shows(
    monkeypatch: pytest.MonkeyPatch, in_amsterdam: None, day: str, hours: int
) -> None:
    from datetime import datetime

    now = datetime.fromisoformat(
        f"{day}T23:00"
    ).timestamp()  # the clocks change in the first and the last of these nights
    monkeypatch.setattr("ragfactory.cli.running.time.time", lambda: now)
    over = is_over("06:00")
    monkeypatch.setattr("ragfactory.cli.running.time.time", lambda: now + hours * 3600 - 1)
    assert not over()
    monkeypatch.setattr("ragfactory.cli.running.time.time", lambda: now + hours * 3600)
    assert over()


@pytest.fixture
def in_amsterdam() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Amsterdam")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def received() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The URL of a server, and what was posted to it."""
    bodies: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(orjson.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", bodies
        server.shutdown()


def test_whoever_waits_for_documents_is_told(
    cli: Cli, ingested: Workplace, received: tuple[str, list[dict[str, Any]]]
) -> None:
    url, bodies = received
    ingested.write("c.txt", SEALS.replace("seals", "owls"))
    ingested.write("bad.txt", "")
    metrics = ingested.path / "ragfactory.prom"
    ended = cli("reindex", "--webhook", url, "--metrics-file", metrics, "--json")
    assert ended.status == ExitCode.PARTIAL
    last = {body["doc_id"]: body for body in bodies if body["kind"] == "document"}
    assert {doc_id: (body["status"], body["progress"]) for doc_id, body in last.items()} == {
        "c.txt": ("completed", 100),
        "bad.txt": ("failed", last["bad.txt"]["progress"]),
    }
    runs = [body for body in bodies if body["kind"] == "run"]
    assert (runs[-1]["status"], runs[-1]["exit_code"]) == ("partial", 3)
    assert {body["run_id"] for body in bodies} == {ended.envelope["data"]["run_id"]}
    text = metrics.read_text()
    assert "ragfactory_run_exit_code 3" in text
    assert 'ragfactory_run_files{state="added"} 1' in text
    assert 'ragfactory_index_documents{index="default/default/algemeen"} 3' in text
    (log,) = ingested.config.event_logs.glob(f"{ended.envelope['data']['run_id']}*.jsonl")
    logged = [orjson.loads(line)["event"] for line in log.read_bytes().splitlines()]
    assert logged[:2] == ["Begun", "Scanned"]
    assert {"Received", "Started", "Prepared", "Failed", "Embedded", "Stored", "Publishing", "Published"} <= set(logged)


def test_a_run_that_cannot_begin_is_told_to_them_as_well(
    cli: Cli, held: tuple[Any, Path], workplace: Workplace, received: tuple[str, list[dict[str, Any]]]
) -> None:
    url, bodies = received
    metrics = workplace.path / "ragfactory.prom"
    assert cli("ingest", "docs", "--webhook", url, "--metrics-file", metrics, "-q").status == ExitCode.LOCKED
    assert (bodies[-1]["kind"], bodies[-1]["status"], bodies[-1]["exit_code"]) == ("run", "failed", 6)
    assert [error["code"] for error in bodies[-1]["errors"]] == ["locked"]
    assert "ragfactory_run_exit_code 6" in metrics.read_text()


def test_a_webhook_that_nobody_answers_is_a_note_and_no_failure(cli: Cli, ingested: Workplace) -> None:
    ended = cli("reindex", "--webhook", "http://127.0.0.1:9/hook?token=secret", "--quiet")
    assert ended.status == 0
    assert "not delivered to the webhook at http://127.0.0.1:9" in ended.err
    assert "secret" not in ended.err
    ended = cli("reindex", "--webhook", "http://127.0.0.1:9/hook", "--quiet", "--json")
    assert "not delivered to the webhook at http://127.0.0.1:9" in ended.envelope["warnings"][-1]


@pytest.mark.parametrize(
    "arguments", [("--webhook", "ftp://x/"), ("--metrics-file", "no/such/x.prom"), ("--metrics-file", "x.txt")]
)
def test_a_report_that_can_go_nowhere_is_a_usage_error(
    cli: Cli, ingested: Workplace, arguments: tuple[str, str]
) -> None:
    ended = cli("reindex", *arguments, "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.USAGE, "usage")
