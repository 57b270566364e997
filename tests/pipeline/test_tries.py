"""Files that failed are remembered, and tried again when another try makes sense."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ragfactory.config import Limits
from ragfactory.errors import DamagedIndexError, ExitCode
from ragfactory.store.failures import FailureRecord, load_failures
from ragfactory.store.layout import ProjectPaths

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.reporting.report import RunReport
    from tests.conftest import Workplace

SEALS = "The seals were counted from a boat along the whole coast of the island."


@pytest.fixture
def failed(workplace: Workplace) -> Path:
    """A file that failed once, beside one that did not."""
    workplace.write("good.txt", SEALS)
    bad = workplace.write("bad.txt", "")
    workplace.ingest()
    return bad


def remembered(workplace: Workplace) -> list[FailureRecord]:
    return list(load_failures(failures_path(workplace)).values())


def failures_path(workplace: Workplace) -> Path:
    return ProjectPaths.of(workplace.config.indexes, "default", "default").failures


def tried(report: RunReport) -> list[str | None]:
    return [entry["path"] for entry in report.failed]


def test_a_failure_is_remembered_with_its_reason(workplace: Workplace, failed: Path) -> None:
    (record,) = remembered(workplace)
    assert (record.root, record.path, record.code, record.attempts) == (str(workplace.docs), "bad.txt", "empty", 1)
    assert record.message
    assert record.first_try == record.last_try


def test_an_unchanged_file_is_not_tried_again_and_still_counts(workplace: Workplace, failed: Path) -> None:
    for report in (workplace.ingest(), workplace.reindex().report):
        assert tried(report) == []
        assert [entry["path"] for entry in report.failed_before] == ["bad.txt"]
        assert report.exit_code is ExitCode.PARTIAL
    assert remembered(workplace)[0].attempts == 1


def test_a_touched_file_with_the_same_bytes_is_not_tried_again(workplace: Workplace, failed: Path) -> None:
    os.utime(failed, (1, 1))
    assert tried(workplace.reindex().report) == []


def test_it_is_tried_again_when_asked(workplace: Workplace, failed: Path) -> None:
    assert tried(workplace.reindex(retry_failed=True).report) == ["bad.txt"]
    (record,) = remembered(workplace)
    assert record.attempts == 2


def test_it_is_tried_again_when_its_bytes_change_and_forgotten_when_it_succeeds(
    workplace: Workplace, failed: Path
) -> None:
    failed.write_bytes(b" ")
    assert tried(workplace.reindex().report) == ["bad.txt"]
    assert remembered(workplace)[0].attempts == 2
    failed.write_text("The boiler was replaced in the spring by a heat pump.")
    report = workplace.reindex().report
    assert (report.files_added, report.exit_code) == (1, ExitCode.OK)
    assert remembered(workplace) == []


def test_it_is_tried_again_when_its_recipe_or_the_limits_change(workplace: Workplace, failed: Path) -> None:
    profiles = workplace.config.config_dir / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "algemeen.toml").write_text("[chunk]\nsize = 50\n")
    assert tried(workplace.ingest()) == ["bad.txt"]
    assert tried(workplace.ingest()) == []
    workplace.config = workplace.config.model_copy(update={"limits": Limits(seconds=17)})
    assert tried(workplace.ingest()) == ["bad.txt"]


def test_a_file_that_is_gone_is_forgotten(workplace: Workplace, failed: Path) -> None:
    failed.unlink()
    report = workplace.reindex().report
    assert (report.failed_before, report.exit_code) == ([], ExitCode.OK)
    assert remembered(workplace) == []


def test_a_failure_in_another_folder_stays_remembered(workplace: Workplace, failed: Path) -> None:
    workplace.write("a.txt", SEALS, root="other")
    workplace.ingest(workplace.path / "other")
    assert [record.path for record in remembered(workplace)] == ["bad.txt"]


def test_a_good_document_stays_when_its_file_fails_and_is_not_tried_again(workplace: Workplace) -> None:
    file = workplace.write("a.txt", SEALS)
    workplace.write("b.txt", SEALS.replace("seals", "owls"))
    workplace.ingest()
    file.write_bytes(b"")
    assert tried(workplace.reindex().report) == ["a.txt"]
    report = workplace.reindex().report
    assert (tried(report), len(report.failed_before)) == ([], 1)
    assert workplace.places("seals") == [["a.txt"]]


def test_a_damaged_list_is_told_and_its_files_tried_again(workplace: Workplace, failed: Path) -> None:
    path = failures_path(workplace)
    path.write_bytes(b"{")
    with pytest.raises(DamagedIndexError, match=r"failed\.jsonl"):
        load_failures(path)
    report = workplace.ingest()
    assert tried(report) == ["bad.txt"]
    assert "failed.jsonl" in report.notices[0]
    assert tried(workplace.ingest()) == []
