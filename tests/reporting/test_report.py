from __future__ import annotations

import orjson
import pytest

from ragfactory import events
from ragfactory.errors import ExitCode
from ragfactory.reporting.report import RunReport

BAD = events.Failed("/docs", "bad.pdf", "encrypted", "it asks for a password", "save it without one")


def test_events_of_a_run_are_summed_up() -> None:
    report = RunReport("run-1")
    for event in (
        events.Scanned(seen=3, to_process=3, unchanged=0, removed=0, skipped=0),
        events.Prepared("/docs", "a.pdf", "rapport", 4, 10, 10, 1.5, 0.25),
        events.Prepared("/docs", "b.pdf", "rapport", None, 5, 0, 0.5, 0.25),
        BAD,
        events.Left("/docs", "later.pdf"),
        events.Stored("/docs", "a.pdf", "t/p/rapport", "added"),
        events.Stored("/docs", "b.pdf", "t/p/rapport", "moved"),
        events.Recovered("t/p/rapport", 7),
        events.Asked(1, 0.75, 100, 0, 50),
        events.Asked(1, 0.25, 60, 900, 40),
        events.Enriched("/docs", "a.pdf", 3, 2, 1, 4),
        events.Embedded(8, 800, 1, 2.0),
        events.Embedded(4, 400, 0, 1.0),
        events.Worked("cpu", "embed", 8, 800, 2.0),
        events.Worked("gpu1", "embed", 3, 300, 0.5),
        events.Retried("gpu1", 1, "out of memory"),
        events.Worked("gpu1", "embed", 1, 100, 0.5),
        events.WorkerLost("gpu1", "its process ended: SIGKILL"),
        events.Rested("gpu1", "80 °C"),
        events.Resumed("gpu1"),
        events.Benched("gpu1", "it fails over and over"),
        events.FellBack("no card could take the work"),
        events.Assembled("/docs", "a.pdf", "t/p/rapport", 9, 0, 1),
        events.Assembled("/docs", "b.pdf", "t/p/rapport", 3, 2, 0),
        events.Notice("the full model is not here"),
        events.Notice("a page has no text", "a.pdf"),
        events.Published("t/p/rapport", 1, 2, 14, 0.5),
    ):
        report(event)
    found = report.to_dict()
    assert (found["files_seen"], found["pages"], found["types"]) == (3, 4, {"rapport": 2})
    assert (found["chunks_made"], found["chunks_reused"], found["chunks_deduplicated"]) == (12, 2, 1)
    assert found["chunks_windowed"] == 1
    assert [found[f"contexts_{how}"] for how in ("found", "written", "refused", "missing")] == [3, 2, 1, 4]
    assert found["stages"] == {
        "parse": {"items": 2, "seconds": 2.0, "tokens": 0},
        "chunk": {"items": 15, "seconds": 0.5, "tokens": 0},
        "enrich": {"items": 2, "seconds": 1.0, "tokens": 250},
        "embed": {"items": 12, "seconds": 3.0, "tokens": 1200},
        "publish": {"items": 1, "seconds": 0.5, "tokens": 0},
    }
    nothing = {"retried": 0, "workers_lost": 0, "rests": 0, "benched": None}
    troubles = {"retried": 1, "workers_lost": 1, "rests": 1, "benched": "it fails over and over"}
    assert found["devices"] == {
        "cpu": {"items": 8, "seconds": 2.0, "tokens": 800, **nothing},
        "gpu1": {"items": 4, "seconds": 1.0, "tokens": 400, **troubles},
    }
    assert [(incident["device"], incident["what"]) for incident in found["incidents"]] == [
        ("gpu1", "retried"),
        ("gpu1", "worker_lost"),
        ("gpu1", "rested"),
        ("gpu1", "benched"),
        ("cpu", "fell_back"),
    ]
    assert found["failed"] == [
        {
            "root": "/docs",
            "path": "bad.pdf",
            "code": "encrypted",
            "message": "it asks for a password",
            "hint": "save it without one",
        }
    ]
    assert (found["files_added"], found["files_moved"], found["files_left"], found["vectors_recovered"]) == (1, 1, 1, 7)
    assert found["notices"] == ["the full model is not here", "a.pdf: a page has no text"]
    assert found["published"] == [{"index": "t/p/rapport", "version": 1, "documents": 2, "chunks": 14}]
    assert orjson.loads(report.to_json()) == found


def test_devices_are_in_order_and_the_last_reason_is_known() -> None:
    report = RunReport("run-1")
    for name in ("gpu10", "http://b:2", "cpu", "gpu2", "gpu1"):
        report(events.Worked(name, "embed", 1, 1, 0.1))
    for reason in ("its process ended: SIGKILL", "it hung"):
        report(events.WorkerLost("gpu2", reason))
    assert (
        list(report.by_device()) == list(report.to_dict()["devices"]) == ["cpu", "gpu1", "gpu2", "gpu10", "http://b:2"]
    )
    assert (report.reason("gpu2", "worker_lost"), report.reason("gpu2", "rested")) == ("it hung", None)


def test_a_folder_that_keeps_its_documents_is_no_failure_to_publish() -> None:
    report = RunReport("run-1")
    report(events.Failed("/docs", ".", "vanished", "the folder is not there"))
    report(events.Failed("/disk", ".", "shrunk", "3 of the 4 documents are gone"))
    assert report.exit_code is ExitCode.PARTIAL
    report(BAD)
    assert report.exit_code is ExitCode.NOT_PUBLISHED


@pytest.mark.parametrize(
    ("failed", "good", "published", "expected"),
    [
        (False, 0, False, ExitCode.OK),
        (False, 1, True, ExitCode.OK),
        (True, 1, True, ExitCode.PARTIAL),
        (True, 1, False, ExitCode.PARTIAL),
        (True, 0, True, ExitCode.PARTIAL),
        (True, 0, False, ExitCode.NOT_PUBLISHED),
    ],
)
def test_the_exit_status_follows_from_what_failed(failed: bool, good: int, published: bool, expected: ExitCode) -> None:
    report = RunReport("run-1", files_unchanged=good)
    if failed:
        report(BAD)
    if published:
        report(events.Published("t/p/rapport", 2, 1, 1, 0.1))
    assert report.exit_code is expected
