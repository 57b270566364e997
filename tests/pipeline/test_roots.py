"""Which folders a project follows: what was taken in once is looked through every night, whatever becomes of its files."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from ragfactory.errors import DamagedIndexError, ExitCode, ProfileError, UsageError
from ragfactory.pipeline.reindex import Selection
from ragfactory.store.layout import ProjectPaths

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace

SEALS = "The seals were counted from a boat along the whole coast of the island."
INVOICE = "The invoice was paid within thirty days by the treasurer of the club."
BOILER = "The boiler in the basement was replaced by a heat pump in the spring."


def list_of(workplace: Workplace) -> Path:
    config = workplace.config
    return ProjectPaths.of(config.indexes, config.tenant, config.project).roots


def followed(workplace: Workplace) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = orjson.loads(list_of(workplace).read_bytes())["roots"]
    return entries


@pytest.mark.parametrize("folder_first", [True, False])
def test_a_named_file_changes_nothing_about_its_folder(workplace: Workplace, *, folder_first: bool) -> None:
    file = workplace.write("1.md", SEALS)
    for n in range(3):
        workplace.write(f"more-{n}.md", SEALS.replace("seals", f"owls number {n}"))
    steps = [
        lambda: workplace.ingest(profile="auto"),
        lambda: workplace.ingest(file, profile="rapport"),
    ]
    for step in steps if folder_first else reversed(steps):
        step()
    assert followed(workplace) == [{"path": str(workplace.docs), "whole": True, "profile": "auto"}]
    workplace.write("2.md", INVOICE)
    report = workplace.reindex().report
    assert report.files_added == 1
    assert [str(hit.index) for hit in workplace.search("invoice").hits if hit.at.doc_id == "2.md"] == [
        "default/default/algemeen"
    ]
    list_of(workplace).unlink()
    workplace.write("3.md", BOILER)
    assert workplace.reindex().report.files_added == 1, "the versions name their folders as well"


def test_an_emptied_folder_is_looked_through_again(workplace: Workplace) -> None:
    file = workplace.write("a.txt", SEALS)
    workplace.ingest()
    file.unlink()
    assert workplace.reindex(allow_shrink=True).report.files_removed == 1
    workplace.write("b.txt", INVOICE)
    assert workplace.reindex().report.files_added == 1
    workplace.write("c.txt", BOILER)
    assert workplace.reindex(Selection(document_type="algemeen")).report.files_added == 1


def test_a_type_stands_for_an_emptied_folder_that_is_taken_in_under_it(workplace: Workplace) -> None:
    file = workplace.write("a.txt", SEALS)
    workplace.ingest()
    file.unlink()
    workplace.reindex(allow_shrink=True)
    workplace.write("b.txt", INVOICE)
    assert workplace.reindex(Selection(document_type="algemeen")).report.files_added == 1


def test_a_folder_whose_files_all_failed_is_looked_through_before_anything_was_published(workplace: Workplace) -> None:
    workplace.write("bad.txt", "")
    assert workplace.ingest().exit_code is ExitCode.NOT_PUBLISHED
    workplace.write("good.txt", SEALS)
    report = workplace.reindex().report
    assert (report.files_added, report.exit_code) == (1, ExitCode.PARTIAL)


def test_a_named_file_that_failed_is_tried_again_when_it_is_mended(workplace: Workplace) -> None:
    file = workplace.write("bad.txt", "")
    workplace.write("neighbour.txt", INVOICE)
    workplace.ingest(file)
    file.write_text(SEALS)
    report = workplace.reindex().report
    assert (report.files_added, report.files_seen) == (1, 1)


def test_a_folder_that_is_gone_for_good_is_forgotten(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.write("b.txt", INVOICE, root="kept")
    workplace.ingest(workplace.docs, workplace.path / "kept")
    shutil.rmtree(workplace.docs)
    workplace.ingest(allow_shrink=True)
    assert [entry["path"] for entry in followed(workplace)] == [str(workplace.path / "kept")]
    assert workplace.reindex().report.failed == []


def test_an_empty_folder_that_was_followed_and_is_gone_is_forgotten(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS).unlink()
    with pytest.raises(UsageError, match="no file to read"):
        workplace.ingest()
    workplace.write("bad.txt", "")
    workplace.ingest()
    shutil.rmtree(workplace.docs)
    assert [entry["code"] for entry in workplace.reindex().report.failed] == ["vanished"]
    workplace.ingest(allow_shrink=True)
    assert followed(workplace) == []


def test_names_that_are_not_utf8_are_followed(workplace: Workplace) -> None:
    root = workplace.path / os.fsdecode(b"caf\xe9")
    root.mkdir()
    file = root / os.fsdecode(b"b\xff.txt")
    file.write_text(SEALS)
    for path in (file, root):
        workplace.ingest(path)
        assert workplace.reindex().report.files_unchanged == 1
        assert workplace.places("seals") == [[r"b\xff.txt"]]
    (root / "new.txt").write_text(INVOICE)
    planned = workplace.reindex(dry_run=True).report.planned
    assert planned["added"] == [rf"{workplace.path}/caf\xe9/new.txt"]
    assert workplace.reindex().report.files_added == 1


def test_a_folder_whose_profile_is_no_more_is_told(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    entries = [entry | {"profile": "gone"} for entry in followed(workplace)]
    list_of(workplace).write_bytes(orjson.dumps({"roots": entries}))
    (error,) = workplace.reindex().errors
    assert isinstance(error, ProfileError)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"roots": 1}', b'{"roots": [{"path": "/a"}]}'])
def test_a_list_that_cannot_be_read_is_told(workplace: Workplace, content: bytes) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    list_of(workplace).write_bytes(content)
    (error,) = workplace.reindex().errors
    assert isinstance(error, DamagedIndexError)
    assert error.path == str(list_of(workplace))
    list_of(workplace).unlink()
    assert workplace.reindex().errors == ()


def test_what_a_killed_run_left_half_written_is_swept_up(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    leftover = list_of(workplace).with_name(".failed.jsonl.4711.tmp")
    leftover.touch()
    workplace.reindex(dry_run=True)
    assert leftover.exists()
    workplace.reindex()
    assert not leftover.exists()
