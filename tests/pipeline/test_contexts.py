"""Runs whose contexts a language model writes: real servers on this machine, and the real llama.cpp on a tiny model."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ragfactory import events
from ragfactory.cli.progress import ContextCounts
from ragfactory.config import Context
from ragfactory.context.cache import ContextCache
from ragfactory.context.remote import writer
from ragfactory.context.remote.balance import Balance
from ragfactory.context.remote.servers import Patience
from ragfactory.errors import ConfigError, ExitCode, ModelUnavailableError
from ragfactory.pipeline import intake, vectors
from ragfactory.pipeline.assembly import Assembly
from ragfactory.pipeline.inspection import inspect_file
from tests import fleet
from tests.context.remote.model_servers import PROMISE_S, ModelServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragfactory.events import Event
    from tests.conftest import Workplace
    from tests.fleet.nvml.simulated_box import SimulatedBox

THINGS = ("lighthouse", "harbour", "museum", "bakery", "orchard", "theatre", "stables", "foundry")
PROFILE = """
name = "facts"
[recognise]
weight = 0
[chunk]
strategy = "words"
size = 11
overlap = 0
[enrich]
writer = "{writer}"
analysis = "rule"
"""


def about(n: int) -> tuple[int, bytes]:
    """The n-th answer of a server that does its work."""
    text = f"This passage tells what became of one building of the estate, called topic{n} by the warden."
    return 200, json.dumps(
        {"message": {"content": text}, "done": True, "prompt_eval_count": 90, "eval_count": 20}
    ).encode()


def a_list(_n: int) -> tuple[int, bytes]:
    """The answer of a server whose model does as it likes."""
    return 200, json.dumps({"message": {"content": "- first\n- second"}, "done": True}).encode()


def shaped(said: dict[str, object]) -> tuple[int, bytes]:
    """An answer as JSON."""
    return 200, json.dumps({"message": {"content": json.dumps(said)}, "done": True}).encode()


def with_analysis(workplace: Workplace) -> None:
    """Have the model say too what documents are about."""
    profile = workplace.path / "profiles" / "facts.toml"
    profile.write_text(profile.read_text().replace('analysis = "rule"', 'analysis = "model"'))


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(says=about) as running:
        yield running


@pytest.fixture
def estate(workplace: Workplace, server: ModelServer) -> Workplace:
    """Two documents of four chunks each, whose contexts the server writes."""
    (workplace.path / "profiles").mkdir()
    (workplace.path / "profiles" / "facts.toml").write_text(PROFILE.format(writer="http"))
    for n, things in enumerate((THINGS[:4], THINGS[4:])):
        passages = [f"The {thing} was mended this spring, its roof is as new." for thing in things]
        workplace.write(f"estate-{n}.txt", "\n\n".join(passages))
    return ask(workplace, server.url)


def ask(workplace: Workplace, *urls: str) -> Workplace:
    settings = Context(servers=urls, model="m", kind="ollama", timeout_s=PROMISE_S)
    workplace.config = workplace.config.model_copy(update={"context": settings})
    return workplace


@pytest.fixture
def came(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """To be acquired once for each answer that came here from a server, whether or not the run has looked."""
    arrived, answered = threading.Semaphore(0), Balance.answered

    def note(self: Balance[Any], *arguments: Any) -> None:
        answered(self, *arguments)
        arrived.release()

    monkeypatch.setattr(Balance, "answered", note)
    return arrived


def asked(heard: list[Event]) -> int:
    return sum(isinstance(event, events.Asked) for event in heard)


def test_contexts_are_written_once_and_searched(estate: Workplace, server: ModelServer) -> None:
    report = estate.ingest(profile="facts")
    assert (report.exit_code, report.chunks_made) == (ExitCode.OK, 8)
    assert (report.contexts_written, report.contexts_missing, report.stages["enrich"].items) == (8, 0, 8)
    assert report.stages["enrich"].tokens == 8 * 110
    hits = [estate.search(f"topic{n}", mode="text").hits for n in range(1, 9)]  # type: ignore[arg-type]
    assert all(len(found) == 1 and found[0].chunk.context_enriched for found in hits)
    assert all(f"topic{n}" in found[0].chunk.context for n, found in enumerate(hits, 1))
    assert not any("topic" in found[0].chunk.text for found in hits)

    report = estate.ingest(profile="facts")
    assert (report.files_unchanged, len(server.asked)) == (2, 8)


def test_another_embedder_or_a_lost_index_asks_nobody(
    estate: Workplace, server: ModelServer, tiny_bge: Callable[[Workplace], None]
) -> None:
    estate.ingest(profile="facts")
    tiny_bge(estate)
    report = estate.ingest(profile="facts", embedder="bge-m3")
    assert (report.files_changed, report.contexts_found, report.contexts_written) == (2, 8, 0)
    assert len(server.asked) == 8
    with ContextCache.open(estate.config.contexts) as cache:
        assert [(run.counts.asked, run.counts.found) for run in cache.stats().runs] == [(8, 8), (8, 0)]


def test_what_is_not_asked_for_yet_is_found_by_its_structure_and_comes_with_the_next_run(
    estate: Workplace, server: ModelServer
) -> None:
    report = estate.ingest(profile="facts", limit_contexts=3)
    assert (report.contexts_written, report.contexts_missing, len(server.asked)) == (3, 5, 3)
    enriched = [estate.search(thing, mode="text").hits[0].chunk.context_enriched for thing in THINGS]  # type: ignore[arg-type]
    assert sorted(enriched) == [False] * 5 + [True] * 3
    report = estate.reindex().report
    assert (report.contexts_found, report.contexts_written, report.contexts_missing) == (3, 5, 0)
    assert len(server.asked) == 8
    assert estate.reindex().report.files_unchanged == 2


def test_answers_that_are_no_contexts_are_asked_for_once_more_and_never_again(
    estate: Workplace, server: ModelServer
) -> None:
    server.says = a_list
    report = estate.ingest(profile="facts")
    assert (report.contexts_refused, report.contexts_written, report.contexts_missing) == (8, 0, 0)
    assert any("m wrote nothing that is a context, 8 answers were refused" in alarm for alarm in report.alarms)
    assert len(server.asked) == 16
    (hit,) = estate.search("lighthouse", mode="text").hits  # type: ignore[arg-type]
    assert (hit.chunk.context_enriched, "first" in hit.chunk.context) == (False, False)
    for document in estate.docs.iterdir():
        os.utime(document, ns=(1, 1))
    estate.ingest(profile="facts")
    estate.ingest(profile="facts", embedder="all-minilm-l6-v2")
    assert len(server.asked) == 16


def test_a_server_that_is_gone_leaves_the_contexts_to_the_next_run(
    estate: Workplace, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "Patience", partial(Patience, first_rest_s=0.01))
    ask(estate, "http://127.0.0.1:9")
    report = estate.ingest(profile="facts")
    assert (report.exit_code, report.files_added, report.contexts_missing) == (ExitCode.OK, 2, 8)
    assert any("8 contexts are left to the next run" in alarm for alarm in report.alarms)
    assert any("127.0.0.1:9 was given up" in alarm for alarm in report.alarms)
    assert sum("is it running" in alarm for alarm in report.alarms) == 1, "the reason is told once"
    assert any(incident["what"] == "troubled" for incident in report.incidents)
    report = ask(estate, server.url).ingest(profile="facts")
    assert (report.contexts_written, report.contexts_missing) == (8, 0)


def test_a_run_that_brings_no_context_leaves_everything_as_it_is(
    estate: Workplace, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "Patience", partial(Patience, first_rest_s=0.01))
    ask(estate, "http://127.0.0.1:9").ingest(profile="facts")
    report = estate.reindex().report
    assert (report.files_changed, report.files_unchanged, report.contexts_missing) == (0, 2, 8)
    assert report.published == []
    ask(estate, server.url)
    report = estate.reindex(limit_contexts=3).report
    assert (report.files_changed, report.files_unchanged, report.contexts_missing) == (1, 1, 5)
    assert estate.reindex().report.contexts_missing == 0


def test_a_prompt_that_no_server_takes_is_not_asked_again(estate: Workplace, server: ModelServer) -> None:
    def unless_museum(n: int) -> tuple[int, bytes]:
        own = server.asked[n - 1]["messages"][1]["content"].rpartition("museum was mended")
        return (400, b'{"error": "too long"}') if own[1] and len(own[2]) < 200 else about(n)

    server.says = unless_museum
    report = estate.ingest(profile="facts")
    assert (report.contexts_written, report.contexts_refused, report.contexts_missing) == (7, 1, 0)
    assert any("too long" in alarm for alarm in report.alarms)
    asked_before = len(server.asked)
    assert (estate.reindex().report.files_unchanged, len(server.asked)) == (2, asked_before)


def test_servers_that_refuse_everything_are_asked_again(estate: Workplace, server: ModelServer) -> None:
    server.says = lambda _n: (400, b'{"error": "no such template"}')
    assert estate.ingest(profile="facts").contexts_missing == 8
    server.says = about
    assert estate.reindex().report.contexts_written == 8


def test_servers_that_refuse_everything_hold_up_no_reading(
    estate: Workplace, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_HELD", 8)  # chunks that wait before reading waits too
    for n in range(4):
        estate.write(
            f"more-{n}.txt", "\n\n".join(f"The {thing} of farm {n} was mended, it is new." for thing in THINGS)
        )
    server.says = lambda _n: (400, b'{"error": "too long"}')
    deadline = time.monotonic() + PROMISE_S
    report = estate.ingest(profile="facts", is_over=lambda: time.monotonic() > deadline)
    assert (report.files_added, report.files_left, report.contexts_missing) == (6, 0, report.chunks_made)


def test_text_that_is_stored_already_is_not_asked_about(estate: Workplace, server: ModelServer) -> None:
    estate.ingest(profile="facts")
    text = (estate.docs / "estate-0.txt").read_text()
    estate.write("copy.txt", text)
    report = estate.ingest(profile="facts")
    assert (report.files_added, report.chunks_deduplicated, len(server.asked)) == (1, 4, 8)


def test_the_writer_that_was_chosen_stays_until_another_is(estate: Workplace, server: ModelServer) -> None:
    (estate.path / "profiles" / "facts.toml").write_text(PROFILE.format(writer="structural"))
    estate.ingest(profile="facts")
    assert server.asked == []
    assert estate.ingest(profile="facts", context="http").contexts_written == 8
    assert estate.reindex().report.files_unchanged == 2
    estate.write("more.txt", "The well behind the stables was cleaned by the miller.")
    assert estate.reindex().report.contexts_written == 1
    estate.ingest(profile="facts", context="structural")
    assert not estate.search("well", mode="text").hits[0].chunk.context_enriched  # type: ignore[arg-type]
    assert len(server.asked) == 9


def contexts_in(cache: Path) -> int:
    """How many contexts a cache holds that another process writes."""
    try:
        with closing(sqlite3.connect(f"{cache.as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT count(*) FROM context").fetchone()[0]
    except sqlite3.OperationalError:  # it is not made yet, or just being made
        return 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_loses_no_answer_that_came(
    estate: Workplace, server: ModelServer, how: signal.Signals
) -> None:
    server.slow_s = 0.05

    def says(n: int) -> tuple[int, bytes]:
        """Answer once all answers before it are kept."""
        deadline = time.monotonic() + PROMISE_S
        while contexts_in(estate.config.contexts) < n - 1 and time.monotonic() < deadline:
            time.sleep(0.005)
        return about(n)

    server.says = says
    settings = estate.config.context
    estate.config.config_dir.mkdir(exist_ok=True)
    (estate.config.config_dir / "config.toml").write_text(
        'embedder = "all-minilm-l6-v2"\nparsers = 1\n[context]\n'
        f'servers = ["{settings.servers[0]}"]\nmodel = "m"\nkind = "ollama"\nconcurrency = 1\n'
    )
    for n in range(4):
        passages = [
            f"Tree {t} of field {n} bears {t * 7 + n} apples in a good year, says the gardener." for t in range(10)
        ]
        estate.write(f"trees-{n}.txt", "\n\n".join(passages))
    command = [sys.executable, "-m", "ragfactory", "ingest", str(estate.docs), "--profile", "facts", "--quiet"]
    environment = {
        **os.environ,
        "RAGFACTORY_HOME": str(estate.config.home),
        "RAGFACTORY_CONFIG": str(estate.config.config_dir),
    }
    with subprocess.Popen(command, env=environment, cwd=estate.path) as victim:
        deadline = time.monotonic() + PROMISE_S
        while len(server.asked) < 35 and time.monotonic() < deadline:
            time.sleep(0.005)
        victim.send_signal(how)
    came = len(server.asked)
    assert came >= 35
    server.slow_s, server.says = 0.0, about
    report = estate.ingest(profile="facts")
    assert report.contexts_found >= came - 2, "one is being asked, and one may be on its way to the cache"
    assert report.contexts_found + report.contexts_written == report.chunks_made == 58


def test_nothing_is_asked_while_a_run_that_is_interrupted_puts_things_away(
    estate: Workplace, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.slow_s = 0.05
    close, take = Assembly.__exit__, Balance.take
    sent: list[object] = []
    asked: list[int] = []

    def note(self: Balance[Any], lane: int) -> Any:
        if (taken := take(self, lane)) is not None:
            sent.append(taken)
        return taken

    def put_away(self: Assembly, *error: object) -> None:
        asked.append(len(sent))
        time.sleep(0.5)
        asked.append(len(sent))
        close(self, *error)

    heard: list[Event] = []

    def interrupt(event: Event) -> None:
        heard.append(event)
        if isinstance(event, events.Asked) and sum(isinstance(other, events.Asked) for other in heard) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Balance, "take", note)
    monkeypatch.setattr(Assembly, "__exit__", put_away)
    for n in range(4):
        estate.write(
            f"more-{n}.txt", "\n\n".join(f"The {thing} of farm {n} was mended, it is new." for thing in THINGS)
        )
    with pytest.raises(KeyboardInterrupt):
        estate.ingest(profile="facts", listener=interrupt)
    assert 0 < asked[0] == asked[1] < 40


def test_a_model_says_what_a_document_is_about(estate: Workplace, server: ModelServer) -> None:
    with_analysis(estate)
    said = {
        "topics": ["Repairs of the estate"],
        "domain": "legal",
        "period": "this spring",
        "entities": [],
        "strategy": None,
    }
    said["entities"] = [{"kind": "place", "text": "harbour"}, {"kind": "place", "text": "Atlantis"}]
    server.says = lambda n: shaped(said) if "format" in server.asked[n - 1] else about(n)
    report = estate.ingest(profile="facts")
    assert (report.contexts_written, report.contexts_missing, len(server.asked)) == (8, 0, 10)
    metadata = estate.search("lighthouse", mode="text").hits[0].at.document.metadata  # type: ignore[arg-type]
    assert (metadata["domain"], metadata["topics"]) == ("legal", ["Repairs of the estate"])
    contexts = [message for message in server.asked if "format" not in message]
    assert all("Repairs of the estate" in message["messages"][1]["content"] for message in contexts)
    assert not any("Atlantis" in str(message) for message in contexts)
    assert estate.ingest(profile="facts").files_unchanged == 2
    estate.write("more.txt", "The well behind the stables was cleaned by the miller.")
    estate.ingest(profile="facts")
    assert len(server.asked) == 12, "one analysis and one context"


def test_a_server_that_answers_in_no_shape_writes_contexts_all_the_same(estate: Workplace, server: ModelServer) -> None:
    with_analysis(estate)
    for n in range(6):
        estate.write(f"more-{n}.txt", f"Meadow {n} was mown this summer, its hay is sweet.")
    server.says = lambda n: (400, b'{"error": "no formats"}') if "format" in server.asked[n - 1] else about(n)
    report = estate.ingest(profile="facts")
    assert (report.contexts_written, report.contexts_missing) == (14, 0)
    assert sum("rules do" in alarm for alarm in report.alarms) == 1
    assert estate.search("lighthouse", mode="text").hits[0].chunk.context_enriched  # type: ignore[arg-type]


def test_a_server_that_heeds_no_shape_is_told_once_and_asked_another_night(
    estate: Workplace, server: ModelServer
) -> None:
    with_analysis(estate)
    for n in range(6):
        estate.write(f"more-{n}.txt", f"Meadow {n} was mown this summer, its hay is sweet.")
    estate.config = estate.config.model_copy(update={"parsers": 1})
    report = estate.ingest(profile="facts")
    assert (report.contexts_written, report.contexts_missing) == (14, 0)
    assert sum("rules do" in alarm for alarm in report.alarms) == 1
    with ContextCache.open(estate.config.contexts) as cache:
        assert sum(holding.entries for holding in cache.stats().holdings) == 14


def test_a_document_of_another_type_waits_for_none_before_it(estate: Workplace, server: ModelServer) -> None:
    """The first of them is sure of its type and slow; the second is read again while it is waited for."""
    for name in ("algemeen", "google_reviews"):
        text = PROFILE.format(writer="http").replace("facts", name).replace('"rule"', '"model"')
        text = text.replace("weight = 0", "weight = 1" if name == "google_reviews" else "weight = 0")
        (estate.path / "profiles" / f"{name}.toml").write_text(text.replace("size = 11", f"size = {len(name)}"))
    reread = threading.Event()

    def says(n: int) -> tuple[int, bytes]:
        message = server.asked[n - 1]
        content = message["messages"][1]["content"]
        if "format" in message:
            return shaped({"type": "google_reviews" if "foundry" in content else None, "topics": ["a roof"]})
        if "lighthouse" in content.rpartition("<passage>")[2]:
            assert reread.wait(PROMISE_S)
        return about(n)

    def listener(event: Event) -> None:
        if isinstance(event, events.Prepared) and event.document_type == "google_reviews":
            reread.set()

    server.says = says
    report = estate.ingest(profile="auto", listener=listener)
    assert {entry["index"].rpartition("/")[2]: entry["documents"] for entry in report.published} == {
        "algemeen": 1,
        "google_reviews": 1,
    }
    assert (report.files_added, report.contexts_missing) == (2, 0)


def test_who_analyses_is_part_of_what_a_document_was_made_with(estate: Workplace, server: ModelServer) -> None:
    estate.ingest(profile="facts")
    with_analysis(estate)
    server.says = lambda n: shaped({"topics": ["repairs"]}) if "format" in server.asked[n - 1] else about(n)
    assert estate.reindex().report.files_changed == 2


def test_a_limit_bounds_analyses_too(estate: Workplace, server: ModelServer) -> None:
    with_analysis(estate)
    server.says = lambda n: shaped({"topics": ["repairs"]}) if "format" in server.asked[n - 1] else about(n)
    report = estate.ingest(profile="facts", limit_contexts=3)
    assert (report.contexts_written, report.contexts_missing) == (3, 5)
    assert sum("format" in message for message in server.asked) == 1
    assert estate.reindex().report.contexts_missing == 0


def test_what_is_kept_is_found_whatever_the_limit(estate: Workplace, server: ModelServer) -> None:
    with_analysis(estate)
    estate.config = estate.config.model_copy(update={"parsers": 1})
    server.says = lambda n: shaped({"topics": ["repairs"]}) if "format" in server.asked[n - 1] else about(n)
    estate.ingest(profile="facts")
    shutil.rmtree(estate.config.indexes)
    report = estate.ingest(profile="facts", limit_contexts=0)
    assert (report.contexts_found, report.contexts_missing, len(server.asked)) == (8, 0, 10)
    shutil.rmtree(estate.config.indexes)
    estate.write("new.txt", "The well behind the stables was cleaned by the miller.")  # after those that need none
    report = estate.ingest(profile="facts", limit_contexts=1)
    assert (report.contexts_found, report.contexts_written, report.contexts_missing) == (8, 1, 0)


def test_time_that_is_up_while_documents_are_analysed_loses_none(estate: Workplace, server: ModelServer) -> None:
    with_analysis(estate)
    server.says = lambda n: "hang" if "format" in server.asked[n - 1] else about(n)
    heard: list[Event] = []
    report = estate.ingest(
        profile="facts",
        listener=heard.append,
        is_over=lambda: sum(isinstance(event, events.Prepared) for event in heard) == 2 and len(server.asked) > 0,
    )
    assert (report.files_added, report.files_left, report.contexts_missing) == (2, 0, 8)
    server.says = about
    assert estate.reindex().report.contexts_missing == 0


def test_what_came_before_time_was_up_is_kept(
    estate: Workplace, server: ModelServer, came: threading.Semaphore
) -> None:
    server.says = lambda n: about(n) if n <= 5 else "hang"
    waited: list[bool] = []

    def is_over() -> bool:
        """Once anything was asked, wait until five answers came."""
        if server.asked and not waited:
            waited.extend(came.acquire(timeout=PROMISE_S) for _ in range(5))
        return bool(waited)

    report = estate.ingest(profile="facts", is_over=is_over)
    assert waited == [True] * 5
    assert report.contexts_written == 5
    with ContextCache.open(estate.config.contexts) as cache:
        assert sum(holding.entries for holding in cache.stats().holdings) == 5


def test_a_type_that_is_not_sure_may_be_the_one_that_a_model_suggests(estate: Workplace, server: ModelServer) -> None:
    with_analysis(estate)
    for folder in estate.path.glob("profiles"):
        (folder / "algemeen.toml").write_text(
            PROFILE.format(writer="http").replace("facts", "algemeen").replace('"rule"', '"model"')
        )
    server.says = lambda n: (
        shaped({"type": "google_reviews", "topics": ["a roof"]}) if "format" in server.asked[n - 1] else about(n)
    )
    report = estate.ingest(profile="auto")
    assert [(entry["path"], entry["from"], entry["to"]) for entry in report.retyped] == [
        ("estate-0.txt", "algemeen", "google_reviews"),
        ("estate-1.txt", "algemeen", "google_reviews"),
    ]
    assert report.types == {"algemeen": 0, "google_reviews": 2}
    shown = inspect_file(estate.docs / "estate-0.txt", "auto", estate.config)
    assert (shown.classification.type, shown.classification.evidence[0][:9]) == ("google_reviews", "suggested")
    assert [entry["index"] for entry in report.published] == ["default/default/google_reviews"]
    assert estate.reindex().report.files_unchanged == 2


def test_contexts_are_written_while_files_are_read(estate: Workplace, server: ModelServer) -> None:
    read: list[str] = []
    was_asked = threading.Event()

    def says(n: int) -> tuple[int, bytes]:
        was_asked.set()
        return about(n)

    def hold_back_the_last(event: Event) -> None:
        if isinstance(event, events.Prepared):
            read.append(event.doc_id)
            assert len(read) < 2 or was_asked.wait(PROMISE_S), (
                "the first file is asked about before the last is taken in"
            )

    server.says = says
    report = estate.ingest(profile="facts", listener=hold_back_the_last)
    assert (report.exit_code, report.contexts_written, len(read)) == (ExitCode.OK, 8, 2)


def test_vectors_are_made_while_contexts_are_written(
    estate: Workplace, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "LOCAL_BATCH", 2)
    embedded = threading.Event()

    def says(n: int) -> tuple[int, bytes]:
        if "foundry" in server.asked[n - 1]["messages"][1]["content"].rpartition("<passage>")[2]:
            assert embedded.wait(PROMISE_S), "the first document is embedded while the second is asked about"
        return about(n)

    server.says = says
    heard = lambda event: embedded.set() if isinstance(event, events.Embedded) else None  # noqa: E731
    assert estate.ingest(profile="facts", listener=heard).contexts_written == 8


def test_a_text_in_two_documents_gets_its_context_although_the_second_is_done_first(
    estate: Workplace, server: ModelServer
) -> None:
    shared = "The lighthouse was mended this spring, its roof is as new."
    estate.write("z.txt", shared)

    def says(n: int) -> tuple[int, bytes]:
        if n == 1:
            time.sleep(0.2)
        return about(n)

    server.says = says
    report = estate.ingest(profile="facts")
    assert (report.contexts_written, report.contexts_missing, len(server.asked)) == (8, 0, 8)
    assert estate.search("lighthouse", mode="text").hits[0].chunk.context_enriched  # type: ignore[arg-type]


def test_time_that_is_up_ends_the_asking_and_what_was_read_is_published(estate: Workplace, server: ModelServer) -> None:
    heard: list[Event] = []
    server.says = lambda n: about(n) if n <= 3 else "hang"
    report = estate.ingest(profile="facts", listener=heard.append, is_over=lambda: asked(heard) >= 2)
    assert report.contexts_written in {2, 3}
    assert report.contexts_missing == 8 - report.contexts_written
    assert (report.files_added, report.files_left) == (2, 0)
    (server_did,) = (totals for name, totals in report.devices.items() if name == server.url)
    assert server_did.items >= 2
    assert server_did.tokens == server_did.items * 110
    assert server_did.seconds > 0


def test_statistics_that_cannot_be_kept_are_a_notice(estate: Workplace) -> None:
    def listener(event: Event) -> None:
        if isinstance(event, events.Published):
            with closing(sqlite3.connect(estate.config.contexts)) as cache:
                cache.execute("DROP TABLE run")

    report = estate.ingest(profile="facts", listener=listener)
    assert (report.exit_code, report.contexts_written, len(report.published)) == (ExitCode.OK, 8, 1)
    assert any("statistics" in notice for notice in report.notices)


def test_time_that_is_up_ends_the_vectors_of_types_that_no_model_writes_for(
    estate: Workplace, server: ModelServer
) -> None:
    estate.ingest(profile="facts")
    server.says = lambda _n: "hang"
    estate.write("a.txt", "The porter has the keys of the gate.", root="notes")
    estate.ingest(estate.path / "notes", profile="algemeen")
    estate.write("more.txt", "The well behind the stables was cleaned by the miller.")
    estate.write("b.txt", "The porter lost the keys of the barn.", root="notes")
    heard: list[Event] = []
    is_read = lambda: sum(isinstance(event, events.Prepared) for event in heard) >= 2  # noqa: E731
    report = estate.reindex(listener=heard.append, is_over=is_read).report
    assert (report.files_added, report.files_left, report.contexts_missing) == (1, 1, 1)


def test_a_passage_whose_first_document_fails_gets_its_context_with_another(
    estate: Workplace, server: ModelServer, simulated_box: SimulatedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated_box.resize(1)
    simulated_box.write()
    monkeypatch.setenv("PYTHONPATH", str(Path(fleet.__path__[0])))
    monkeypatch.setenv("RAGFACTORY_DEVICE_HOOK", "on_cpu:fault")
    on_a_card = estate.config.fleet.model_copy(update={"devices": "0"})
    estate.config = estate.config.model_copy(update={"fleet": on_a_card})
    shared = "The chapel was mended this spring, its roof is as new."
    for document in estate.docs.iterdir():
        document.unlink()
    estate.write("a.txt", f"{shared}\n\nThe words [[raise]] on the gate are none that one reads.")
    estate.write("b.txt", f"{shared}\n\nThe mill by the river is let to a painter now.")
    report = estate.ingest(profile="facts")
    assert ([entry["path"] for entry in report.failed], report.files_added) == (["a.txt"], 1)
    report = estate.reindex().report
    assert (report.files_changed, report.contexts_written, report.contexts_missing) == (1, 1, 0)
    assert estate.search("chapel", mode="text").hits[0].chunk.context_enriched  # type: ignore[arg-type]


def test_progress_reaches_its_end_whatever_is_answered(estate: Workplace, server: ModelServer) -> None:
    estate.write("copy.txt", (estate.docs / "estate-0.txt").read_text())

    def says(n: int) -> tuple[int, bytes]:
        own = server.asked[n - 1]["messages"][1]["content"].rpartition("<passage>")[2]
        is_first = any(thing in own for thing in THINGS[:3]) and "Note: " not in own
        return a_list(n) if is_first else about(n)

    server.says = says
    counts = ContextCounts()
    estate.ingest(profile="facts", listener=counts)
    assert (counts.done, counts.total, str(counts)) == (12, 12, "11 answers, 3 asked again")


def test_no_server_and_no_model_are_told_before_the_work(estate: Workplace) -> None:
    with pytest.raises(ConfigError, match=r"context\.servers"):
        ask(estate).ingest(profile="facts")
    with pytest.raises(ModelUnavailableError, match="one GGUF file expected"):
        estate.ingest(profile="facts", context="llama")
    estate.config.models.mkdir(parents=True, exist_ok=True)
    (estate.config.models / "bad.gguf").write_bytes(b"<html>")
    with pytest.raises(ModelUnavailableError, match="a GGUF file expected"):
        estate.ingest(profile="facts", context="llama")


def test_an_answer_that_repeats_the_reminder_is_no_context(estate: Workplace, server: ModelServer) -> None:
    def parrot(n: int) -> tuple[int, bytes]:
        said = server.asked[n - 1]["messages"][1]["content"].splitlines()[-1]
        return 200, json.dumps({"message": {"content": said.removeprefix("Note: ")}, "done": True}).encode()

    server.says = parrot
    report = estate.ingest(profile="facts")
    assert (report.contexts_refused, report.contexts_written, len(server.asked)) == (8, 0, 16)


def test_time_that_is_up_as_an_analysis_comes_leaves_its_document(
    estate: Workplace, server: ModelServer, came: threading.Semaphore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_analysis(estate)
    (estate.path / "profiles" / "algemeen.toml").write_text(
        PROFILE.format(writer="http").replace("facts", "algemeen").replace('"rule"', '"model"')
    )
    settling = threading.Event()
    server.says = lambda _n: settling.wait(PROMISE_S) and shaped({"type": "google_reviews", "topics": ["a roof"]})
    settle = intake.Intake.settle_types

    def settle_types(self: intake.Intake) -> object:
        settling.set()
        assert all(came.acquire(timeout=PROMISE_S) for _ in range(2)), "the answers are there, and nobody has looked"
        return settle(self)

    monkeypatch.setattr(intake.Intake, "settle_types", settle_types)
    report = estate.ingest(profile="auto", is_over=settling.is_set)
    assert (len(report.retyped), report.files_added, report.files_left) == (2, 0, 2)


@pytest.mark.parametrize("analysis", ["rule", "model"])
def test_documents_that_share_text_stay_as_they_are_where_none_gains_a_context(
    estate: Workplace, server: ModelServer, analysis: str
) -> None:
    if analysis == "model":
        with_analysis(estate)
        server.says = lambda n: shaped({"topics": ["repairs"]}) if "format" in server.asked[n - 1] else about(n)
    estate.write(
        "more.txt", (estate.docs / "estate-0.txt").read_text() + "\n\nThe well was cleaned by the miller of old."
    )
    assert estate.ingest(profile="facts", limit_contexts=3).contexts_missing == 6
    report = estate.reindex(limit_contexts=0).report
    assert (report.files_changed, report.published, report.contexts_missing) == (0, [], 6)
    assert report.files_unchanged == 3
    report = estate.reindex(limit_contexts=1).report
    assert (report.contexts_written, len(report.published)) == (1, 1)
    assert estate.reindex().report.contexts_missing == 0
    assert estate.reindex().report.files_unchanged == 3
