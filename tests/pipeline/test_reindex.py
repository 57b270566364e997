"""Reindex: every index follows the folders it was built from, and nothing else takes a document out."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from ragfactory import events
from ragfactory.errors import ExitCode, IndexNotFoundError, LockedError
from ragfactory.pipeline import vectors
from ragfactory.pipeline.project import Project
from ragfactory.pipeline.reindex import Selection
from ragfactory.store.layout import IndexName, IndexPaths, ProjectPaths
from ragfactory.store.lock import writer_lock
from tests.conftest import DOCUMENTS

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.events import Event
    from ragfactory.reporting.report import RunReport
    from tests.conftest import Workplace

SEALS = "The seals were counted from a boat along the whole coast of the island."
INVOICE = "The invoice was paid within thirty days by the treasurer of the club."
BOILER = "The boiler in the basement was replaced by a heat pump in the spring."


def counts(report: RunReport) -> tuple[int, int, int, int, int]:
    """Files added, changed, moved, removed and unchanged."""
    return (
        report.files_added,
        report.files_changed,
        report.files_moved,
        report.files_removed,
        report.files_unchanged,
    )


def failures(report: RunReport) -> list[tuple[str | None, str | None]]:
    return [(entry["path"], entry["code"]) for entry in report.failed]


def in_project(workplace: Workplace, project: str) -> None:
    workplace.config = workplace.config.model_copy(update={"project": project})


def test_files_added_changed_moved_and_removed_are_followed(workplace: Workplace) -> None:
    for n, text in enumerate((SEALS, INVOICE, BOILER, SEALS.replace("seals", "owls"))):
        workplace.write(f"{n}.txt", text)
    workplace.ingest()
    workplace.write("0.txt", SEALS.replace("seals", "porpoises"))
    (workplace.docs / "sub").mkdir()
    (workplace.docs / "1.txt").rename(workplace.docs / "sub/1.txt")
    (workplace.docs / "2.txt").unlink()
    workplace.write("new.txt", SEALS.replace("seals", "herons"))
    report = workplace.reindex().report
    assert (counts(report), report.exit_code) == ((1, 1, 1, 1, 1), ExitCode.OK)
    assert report.chunks_reused == 1, "the vector of the file that moved"
    assert workplace.places("porpoises") == [["0.txt"]]
    assert workplace.places("invoice") == [["sub/1.txt"]]
    assert workplace.places("boiler") == []
    assert workplace.places("herons") == [["new.txt"]]
    assert counts(workplace.reindex().report) == (0, 0, 0, 0, 4)


def test_every_project_of_the_home_is_brought_up_to_date_unless_one_is_named(workplace: Workplace) -> None:
    for project in ("one", "two"):
        workplace.write("a.txt", SEALS, root=project)
        in_project(workplace, project)
        workplace.ingest(workplace.path / project)
    for project in ("one", "two"):
        workplace.write("b.txt", INVOICE, root=project)
    report = workplace.reindex(Selection(project="two")).report
    assert [version["index"] for version in report.published] == ["default/two/algemeen"]
    report = workplace.reindex().report
    assert [version["index"] for version in report.published] == ["default/one/algemeen"]
    assert counts(report) == (1, 0, 0, 0, 3)


def test_a_type_stands_for_the_folders_that_its_index_was_built_from(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS, root="one")
    workplace.write("b.txt", INVOICE, root="two")
    workplace.ingest(workplace.path / "one", profile="rapport")
    workplace.ingest(workplace.path / "two", profile="algemeen")
    for root in ("one", "two"):
        workplace.write("more.txt", BOILER.replace("boiler", root), root=root)
    report = workplace.reindex(Selection(document_type="rapport")).report
    assert [version["index"] for version in report.published] == ["default/default/rapport"]


def test_a_home_without_such_an_index_is_told(workplace: Workplace) -> None:
    with pytest.raises(IndexNotFoundError):
        workplace.reindex()
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    with pytest.raises(IndexNotFoundError):
        workplace.reindex(Selection(tenant="nobody"))


def test_a_new_file_gets_the_profile_that_its_folder_was_ingested_with(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest(profile="rapport")
    workplace.write("b.txt", INVOICE)
    workplace.reindex()
    assert {str(hit.index) for hit in workplace.search("invoice").hits} == {"default/default/rapport"}


def test_a_single_file_is_followed_without_its_neighbours(workplace: Workplace) -> None:
    named = workplace.write("named.txt", SEALS)
    workplace.write("other.txt", INVOICE)
    workplace.ingest(named)
    assert counts(workplace.reindex().report) == (0, 0, 0, 0, 1)
    named.write_text(BOILER)
    assert counts(workplace.reindex().report) == (0, 1, 0, 0, 0)
    named.unlink()
    report = workplace.reindex().report
    assert (failures(report), counts(report)) == ([(".", "shrunk")], (0, 0, 0, 0, 0))
    assert workplace.reindex(allow_shrink=True).report.files_removed == 1
    assert workplace.places("boiler") == []


def test_a_folder_that_vanished_keeps_its_documents_whatever_is_allowed(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS, root="disk")
    workplace.write("b.txt", INVOICE)
    disk = workplace.path / "disk"
    workplace.ingest(disk, workplace.docs)
    shutil.rmtree(disk)
    workplace.write("b.txt", BOILER)
    done = workplace.reindex(allow_shrink=True)
    assert [(entry["root"], entry["code"]) for entry in done.report.failed] == [(str(disk), "vanished")]
    assert done.report.exit_code is ExitCode.PARTIAL
    assert (workplace.places("seals"), workplace.places("boiler")) == ([["a.txt"]], [["b.txt"]])
    disk.mkdir()
    assert failures(workplace.reindex().report) == [(".", "shrunk")]
    assert workplace.places("seals") == [["a.txt"]]


@pytest.mark.parametrize(("removed", "kept_back"), [(2, False), (3, True)])
def test_more_than_half_of_a_folder_goes_only_when_allowed(workplace: Workplace, removed: int, kept_back: bool) -> None:
    words = ("seals", "owls", "herons", "foxes")
    for word in words:
        workplace.write(f"{word}.txt", SEALS.replace("seals", word))
    workplace.ingest()
    for word in words[:removed]:
        (workplace.docs / f"{word}.txt").unlink()
    workplace.write("foxes.txt", BOILER)
    report = workplace.reindex().report
    assert failures(report) == ([(".", "shrunk")] if kept_back else [])
    assert (workplace.places("seals") != []) == kept_back
    assert workplace.places("boiler") == [["foxes.txt"]], "what else changed is taken in"
    report = workplace.reindex(allow_shrink=True).report
    assert report.failed == []
    assert workplace.places("seals") == []


def test_a_folder_whose_files_were_all_renamed_did_not_shrink(workplace: Workplace) -> None:
    for n, text in enumerate((SEALS, INVOICE)):
        workplace.write(f"{n}.txt", text)
    workplace.ingest()
    for n in range(2):
        (workplace.docs / f"{n}.txt").rename(workplace.docs / f"renamed-{n}.txt")
    assert counts(workplace.reindex().report) == (0, 0, 2, 0, 0)


def test_a_dry_run_says_what_would_be_done_and_does_nothing(workplace: Workplace) -> None:
    for n, text in enumerate((SEALS, INVOICE, BOILER)):
        workplace.write(f"{n}.txt", text)
    workplace.ingest()
    workplace.write("0.txt", SEALS.replace("seals", "porpoises"))
    (workplace.docs / "1.txt").rename(workplace.docs / "moved.txt")
    (workplace.docs / "2.txt").unlink()
    workplace.write("new.txt", SEALS.replace("seals", "herons"))
    before = tree(workplace.config.indexes)
    report = workplace.reindex(dry_run=True).report
    docs = workplace.docs
    assert report.planned == {
        "added": [f"{docs}/new.txt"],
        "changed": [f"{docs}/0.txt"],
        "moved": [f"{docs}/moved.txt"],
        "removed": [f"{docs}/2.txt"],
    }
    assert tree(workplace.config.indexes) == before
    assert counts(workplace.reindex().report) == (1, 1, 1, 1, 0)


def test_of_two_files_with_the_same_bytes_one_moves_and_one_is_removed(workplace: Workplace) -> None:
    for name in ("a.txt", "b.txt", "c.txt", "d.txt"):
        workplace.write(name, SEALS if name < "c" else INVOICE)
    workplace.ingest()
    (workplace.docs / "a.txt").rename(workplace.docs / "new.txt")
    (workplace.docs / "b.txt").unlink()
    assert workplace.reindex(dry_run=True).report.planned["removed"] == [f"{workplace.docs}/b.txt"]
    assert counts(workplace.reindex().report) == (0, 0, 1, 1, 2)
    assert workplace.places("seals") == [["new.txt"]]


def test_a_dry_run_speaks_of_every_project(workplace: Workplace) -> None:
    for project in ("one", "two"):
        workplace.write("a.txt", SEALS, root=project)
        in_project(workplace, project)
        workplace.ingest(workplace.path / project)
        workplace.write("b.txt", INVOICE, root=project)
    planned = workplace.reindex(dry_run=True).report.planned
    assert planned["added"] == [f"{workplace.path}/{project}/b.txt" for project in ("one", "two")]


def tree(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_dry_run_goes_on_beside_another_run(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    with writer_lock(lock_of(workplace)):
        assert workplace.reindex(dry_run=True).errors == ()


def lock_of(workplace: Workplace) -> Path:
    config = workplace.config
    return ProjectPaths.of(config.indexes, config.tenant, config.project).lock


def test_a_project_that_is_being_written_does_not_hold_up_the_others(workplace: Workplace) -> None:
    for project in ("one", "two"):
        workplace.write("a.txt", SEALS, root=project)
        in_project(workplace, project)
        workplace.ingest(workplace.path / project)
        workplace.write("b.txt", INVOICE, root=project)
    with writer_lock(lock_of(workplace)):
        done = workplace.reindex()
    assert [type(error) for error in done.errors] == [LockedError]
    assert [version["index"] for version in done.report.published] == ["default/one/algemeen"]


def test_all_locks_of_a_project_are_waited_for_together(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    now = 0.0
    index = IndexPaths.of(workplace.config.indexes, IndexName("default", "default", "algemeen"))
    with ExitStack() as project, writer_lock(index.lock):
        project.enter_context(writer_lock(lock_of(workplace)))

        def sleep(seconds: float) -> None:
            nonlocal now
            now += seconds
            if now > 50:
                project.close()

        monkeypatch.setattr(time, "sleep", sleep)
        monkeypatch.setattr(time, "monotonic", lambda: now)
        with pytest.raises(LockedError):
            Project(workplace.config, lock=True, wait=60)
    assert 60 <= now < 61


def test_time_that_is_up_publishes_what_is_whole_and_leaves_the_rest(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "LOCAL_BATCH", 2)
    words = ("seals", "owls", "herons", "foxes", "badgers")
    workplace.write("first.txt", INVOICE)
    workplace.ingest()
    for n, word in enumerate(words):
        workplace.write(f"{n}.txt", SEALS.replace("seals", word))
    embedded: list[Event] = []

    def note(event: Event) -> None:
        if isinstance(event, events.Embedded):
            embedded.append(event)

    report = workplace.reindex(listener=note, is_over=lambda: bool(embedded)).report
    assert (report.files_added, report.files_left, report.exit_code) == (2, 3, ExitCode.OK)
    assert [len(workplace.places(word)) for word in words] == [1, 1, 0, 0, 0]
    report = workplace.reindex().report
    assert (report.files_added, report.files_left) == (3, 0)
    assert [len(workplace.places(word)) for word in words] == [1] * 5


def test_a_document_that_was_half_embedded_when_time_was_up_keeps_its_vectors(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "LOCAL_BATCH", 2)
    workplace.write("before.txt", BOILER)
    workplace.ingest()
    sentences = (
        f"The {animal} were counted along the coast of the island. " * 30 for animal in ("seals", "owls", "foxes")
    )
    workplace.write("long.txt", "\n\n".join(sentences))
    embedded: list[Event] = []

    def note(event: Event) -> None:
        if isinstance(event, events.Embedded):
            embedded.append(event)

    report = workplace.reindex(listener=note, is_over=lambda: bool(embedded)).report
    assert (report.files_added, report.files_left) == (0, 1)
    assert workplace.places("seals") == []
    report = workplace.reindex().report
    assert (report.files_added, report.vectors_recovered, report.chunks_reused) == (1, 2, 2)
    assert workplace.places("seals") != []


def test_another_way_of_searching_is_published_without_making_anything(workplace: Workplace) -> None:
    profiles = workplace.config.config_dir / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "eigen.toml").write_text("")
    workplace.write("a.txt", SEALS)
    (profiles / "eigen.toml").write_text('[index]\nkind = "exact"\n')
    workplace.ingest(profile="eigen")
    (profiles / "eigen.toml").write_text('[index]\nkind = "hnsw"\n')
    report = workplace.reindex().report
    assert (counts(report), report.chunks_made, len(report.published)) == ((0, 0, 0, 0, 1), 0, 1)
    assert workplace.reindex().report.published == []
    assert workplace.places("seals") == [["a.txt"]]


def test_the_time_of_a_touched_file_is_noted_when_the_index_is_published(workplace: Workplace) -> None:
    touched = workplace.write("a.txt", SEALS)
    workplace.write("b.txt", INVOICE)
    workplace.ingest()
    touched.touch()
    workplace.write("b.txt", BOILER)
    assert counts(workplace.reindex().report) == (0, 1, 0, 0, 1)
    name = IndexName("default", "default", "algemeen")
    from ragfactory.store.version import Version

    with Version.open(IndexPaths.of(workplace.config.indexes, name), name) as version:
        record = version.documents[str(workplace.docs), "a.txt"]
    assert record.mtime_ns == touched.stat().st_mtime_ns


def test_vectors_of_a_document_that_was_left_stay_while_others_cross_between_indexes(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "LOCAL_BATCH", 2)
    essay = "\n\n".join(SEALS.replace("seals", animal) * 12 for animal in ("seals", "owls", "foxes"))
    chat = DOCUMENTS["chat-anna.txt"]
    workplace.write("a.txt", chat)
    workplace.write("b.txt", essay)
    workplace.ingest(profile="auto")
    workplace.write("a.txt", essay.replace("island", "lake"))
    workplace.write("b.txt", chat.replace("Anna", "Bert"))
    turns = (f"Coach: How did you like week {n}?\nAnna: {INVOICE * 3} That was week {n}.\n" for n in range(60))
    workplace.write("c.txt", "".join(turns))
    published: list[Event] = []
    prepared: list[Event] = []
    embedded: list[Event] = []

    def note(event: Event) -> None:
        for kind, noted in ((events.Published, published), (events.Prepared, prepared), (events.Embedded, embedded)):
            if isinstance(event, kind):
                noted.append(event)

    def is_over() -> bool:
        return len(prepared) == 3 and len(embedded) > 2

    report = workplace.reindex(listener=note, is_over=is_over).report
    assert (report.files_changed, report.files_left, len(published)) == (2, 1, 3), "one index took in, then let go"
    assert report.vectors_recovered == 0
    assert workplace.reindex().report.vectors_recovered > 0
