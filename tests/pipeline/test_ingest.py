from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pytest

from ragfactory import events
from ragfactory.errors import (
    ExitCode,
    LockedError,
    ModelUnavailableError,
    NothingPublishedError,
    PartlyPublishedError,
    ProfileError,
    UsageError,
)
from ragfactory.pipeline import assembly, vectors
from ragfactory.pipeline.ingest import ingest
from ragfactory.reporting.report import RunReport
from ragfactory.retrieval.results import Mode
from ragfactory.store import analysis, lexical
from ragfactory.store.layout import IndexName, IndexPaths, find_indexes
from ragfactory.store.lock import writer_lock
from ragfactory.store.readers import shut_out_readers
from ragfactory.store.segment_writer import SegmentWriter
from ragfactory.store.version import Version
from tests.conftest import ignore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ragfactory.events import Event
    from tests.conftest import Workplace

SEALS = "The lighthouse keeper counted forty-two seals near the pier before breakfast.\n"
INVOICE = "The invoice of the carpenter was paid late because of a holiday.\n"
BOILER = "The boiler in the cellar was replaced by a heat pump.\n"
CHAT = """Coach: Welcome back. How are you feeling since the last session?
Anna: Better, thank you. I kept to the action points.
Coach: What would you like to achieve this time?
Anna: More confidence when I set boundaries at work.
"""


def counts(report: RunReport) -> tuple[int, int, int, int]:
    return report.files_added, report.files_changed, report.files_removed, report.files_unchanged


def paths_of(workplace: Workplace, document_type: str = "algemeen") -> IndexPaths:
    return IndexPaths.of(workplace.config.indexes, IndexName("default", "default", document_type))


def damage(file: Path) -> None:
    """What is left when a copy fails half-way: nothing of use."""
    file.write_bytes(b"")


def contents(workplace: Workplace) -> list[tuple[str, int, str, str]]:
    """Every chunk of the version that serves, with its place."""
    found = []
    name = IndexName("default", "default", "algemeen")
    with Version.open(paths_of(workplace), name) as version:
        for segment in version.segments.values():
            for row in np.flatnonzero(segment.live):
                chunk = segment.chunk(int(row))
                found.append((chunk.path, chunk.place.n, chunk.text, chunk.context))
    return sorted(found)


class Interrupting:
    """Presses Ctrl-C when the n-th batch of vectors was made."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, event: Event) -> None:
        if isinstance(event, events.Embedded):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


def test_files_are_added_changed_renamed_and_removed(workplace: Workplace) -> None:
    first = workplace.write("a.txt", SEALS)
    workplace.write("sub/b.md", INVOICE)
    report = workplace.ingest()
    assert (counts(report), report.exit_code) == ((2, 0, 0, 0), ExitCode.OK)
    assert workplace.places("seals") == [["a.txt"]]

    first.write_text(SEALS.replace("seals", "porpoises"))
    assert counts(workplace.ingest()) == (0, 1, 0, 1)
    assert (workplace.places("seals"), workplace.places("porpoises")) == ([], [["a.txt"]])

    first.rename(workplace.docs / "z.txt")
    report = workplace.ingest()
    assert (counts(report), report.files_moved) == ((0, 0, 0, 1), 1)
    assert workplace.places("porpoises") == [["z.txt"]]

    (workplace.docs / "z.txt").unlink()
    report = workplace.ingest()
    assert counts(report) == (0, 0, 1, 1)
    assert workplace.places("porpoises") == []
    assert [version["version"] for version in report.published] == [4]


def test_a_context_never_names_the_file_of_before(workplace: Workplace) -> None:
    workplace.write("old-name.md", "# Lighthouse\n\n" + SEALS)
    workplace.ingest()
    (workplace.docs / "old-name.md").rename(workplace.docs / "new-name.md")
    workplace.ingest()
    assert [path for path, *_ in contents(workplace)] == ["new-name.md"]
    assert workplace.places("old") == []
    assert workplace.places("new") == [["new-name.md"]]


def test_a_second_run_publishes_nothing_and_makes_nothing(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    before = sorted(paths_of(workplace).root.rglob("*"))
    happened: list[Event] = []
    report = workplace.ingest(listener=happened.append)
    assert [type(event) for event in happened] == [events.Begun, events.Scanned]
    assert (report.published, report.exit_code, counts(report)) == ([], ExitCode.OK, (0, 0, 0, 1))
    assert sorted(paths_of(workplace).root.rglob("*")) == before


def test_a_second_run_loads_neither_a_model_nor_vectors(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    script = (
        "import sys; from pathlib import Path; from ragfactory.config import Config;"
        "from ragfactory.pipeline.ingest import ingest;"
        f"config = Config.model_validate_json({workplace.config.model_dump_json()!r});"
        f"report = ingest([Path({str(workplace.docs)!r})], config, lambda event: None, profile='algemeen');"
        "print(report.files_unchanged, [m for m in ('torch', 'transformers', 'faiss', 'pymupdf', 'lingua')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "1 []\n"


def test_one_bad_file_is_named_and_the_others_are_published(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    damage(workplace.write("bad.txt", ""))
    workplace.write("c.txt", INVOICE)
    report = workplace.ingest()
    assert report.exit_code is ExitCode.PARTIAL
    assert [(entry["path"], entry["code"]) for entry in report.failed] == [("bad.txt", "empty")]
    assert all(entry["message"] for entry in report.failed)
    assert (counts(report), len(report.published)) == ((2, 0, 0, 0), 1)
    assert workplace.places("seals") == [["a.txt"]]

    again = workplace.ingest()
    assert (again.exit_code, again.failed) == (ExitCode.PARTIAL, [])
    assert [(entry["path"], entry["attempts"]) for entry in again.failed_before] == [("bad.txt", 1)]
    assert again.published == []


def test_a_file_that_is_damaged_now_keeps_its_document(workplace: Workplace) -> None:
    file = workplace.write("a.txt", SEALS)
    workplace.write("b.txt", INVOICE)
    workplace.ingest()
    damage(file)
    workplace.write("b.txt", INVOICE + BOILER)
    report = workplace.ingest()
    assert (report.exit_code, counts(report)) == (ExitCode.PARTIAL, (0, 1, 0, 0))
    assert workplace.places("seals") == [["a.txt"]]
    assert workplace.places("boiler") == [["b.txt"]]


def test_when_every_file_fails_what_was_published_goes_on_serving(workplace: Workplace) -> None:
    file = workplace.write("a.txt", SEALS)
    workplace.write("gone.txt", INVOICE)
    workplace.ingest()
    damage(file)
    (workplace.docs / "gone.txt").unlink()
    report = workplace.ingest()
    assert (report.exit_code, report.published, report.files_removed) == (ExitCode.NOT_PUBLISHED, [], 0)
    assert paths_of(workplace).current_number() == 1
    assert workplace.places("seals") == [["a.txt"]]
    assert workplace.places("invoice") == [["gone.txt"]]


def test_a_removal_is_published_also_when_a_folder_cannot_be_read(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = workplace.write("gone.txt", SEALS)
    workplace.write("closed/a.txt", INVOICE)
    workplace.ingest()
    gone.unlink()
    list_folder = os.scandir

    def guarded(path: os.PathLike[str] | int) -> object:
        if path == workplace.docs / "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", guarded)
    report = workplace.ingest()
    assert [entry["path"] for entry in report.failed] == ["closed"]
    assert (report.files_removed, len(report.published)) == (1, 1)
    assert report.exit_code is ExitCode.PARTIAL
    assert workplace.places("seals") == []
    assert workplace.places("invoice") == [["closed/a.txt"]]


@pytest.mark.parametrize("after", [1, 2])
def test_an_interrupted_run_goes_on_where_it_was(
    workplace: Workplace, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "LOCAL_BATCH", 2)
    for n, subject in enumerate(("seals", "foxes", "herons", "badgers", "owls")):
        workplace.write(f"{n}.txt", SEALS.replace("seals", subject))
    workplace.ingest()
    undisturbed, found = contents(workplace), workplace.search("how many birds were seen?")
    shutil.rmtree(workplace.config.home)

    with pytest.raises(KeyboardInterrupt):
        workplace.ingest(listener=Interrupting(after))
    assert paths_of(workplace).current_number() is None
    report = workplace.ingest()
    assert (report.chunks_made, report.chunks_reused) == (5 - 2 * after, 2 * after)
    assert contents(workplace) == undisturbed
    again = workplace.search("how many birds were seen?")
    assert [(hit.at, hit.chunk.text, hit.score) for hit in again.hits] == [
        (hit.at, hit.chunk.text, pytest.approx(hit.score, abs=1e-3)) for hit in found.hits
    ]
    assert not paths_of(workplace).building.exists()


def test_an_interrupted_update_leaves_the_version_before(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    workplace.write("a.txt", BOILER)
    with pytest.raises(KeyboardInterrupt):
        workplace.ingest(listener=Interrupting(1))
    assert (workplace.places("seals"), workplace.places("boiler")) == ([["a.txt"]], [])
    assert workplace.ingest().chunks_reused == 1
    assert (workplace.places("seals"), workplace.places("boiler")) == ([], [["a.txt"]])


def test_equal_chunks_are_stored_once_with_every_place(workplace: Workplace) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        workplace.write(name, SEALS)
    workplace.write("other.txt", INVOICE)
    report = workplace.ingest()
    assert (report.chunks_made, report.chunks_deduplicated) == (2, 2)
    assert report.published[0]["chunks"] == 2
    assert workplace.places("seals") == [["a.txt", "b.txt", "c.txt"]]

    (workplace.docs / "a.txt").unlink()
    workplace.ingest()
    assert workplace.places("seals") == [["b.txt", "c.txt"]]

    workplace.write("b.txt", BOILER)
    workplace.ingest()
    assert workplace.places("seals") == [["c.txt"]]


def test_a_shared_chunk_stays_when_only_the_document_that_cannot_be_read_holds_it(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.write("b.txt", SEALS)
    workplace.write("other.txt", INVOICE)
    workplace.ingest()
    (workplace.docs / "a.txt").unlink()
    damage(workplace.docs / "b.txt")
    assert workplace.ingest().exit_code is ExitCode.PARTIAL
    assert workplace.places("seals") == [["b.txt"]]


def test_two_folders_in_one_index_stay_apart(workplace: Workplace) -> None:
    for root in ("one", "two"):
        workplace.write("same.txt", SEALS, root=root)
    workplace.write("other.txt", INVOICE, root="one")
    one, two = workplace.path / "one", workplace.path / "two"
    workplace.ingest(one, two)
    assert counts(workplace.ingest(one)) == (0, 0, 0, 2)

    (one / "same.txt").unlink()
    assert counts(workplace.ingest(one)) == (0, 0, 1, 1)
    (hit,) = workplace.search("seals", mode=Mode.TEXT).hits
    assert (hit.at.root, hit.others) == (str(two), ())

    report = workplace.ingest(two)
    assert counts(report) == (0, 1, 0, 0), (
        "its chunk still had the context that was written for the other folder's file"
    )
    assert counts(workplace.ingest(one, two)) == (0, 0, 0, 2)


def test_files_go_to_the_index_of_their_type(workplace: Workplace) -> None:
    workplace.write("chat-anna.txt", CHAT * 3)
    workplace.write("notes.txt", INVOICE)
    report = workplace.ingest(profile="auto")
    assert report.types == {"coaching_chat": 1, "algemeen": 1}
    assert sorted(version["index"] for version in report.published) == [
        "default/default/algemeen",
        "default/default/coaching_chat",
    ]
    assert {hit.index.document_type for hit in workplace.search("anything").hits} == {"coaching_chat", "algemeen"}
    assert {hit.at.doc_id for hit in workplace.search("anything", "coaching_chat").hits} == {"chat-anna.txt"}


def test_a_forced_profile_moves_a_document_to_its_index_and_auto_moves_it_back(workplace: Workplace) -> None:
    workplace.write("chat-anna.txt", CHAT * 3)
    workplace.ingest(profile="auto")
    for profile, index in (("algemeen", "algemeen"), ("auto", "coaching_chat")):
        report = workplace.ingest(profile=profile)
        assert counts(report) == (0, 1, 0, 0)
        assert {hit.index.document_type for hit in workplace.search("session boundaries").hits} == {index}
        assert counts(workplace.ingest(profile=profile)) == (0, 0, 0, 1)


def test_a_profile_that_changed_makes_its_documents_anew(workplace: Workplace) -> None:
    profiles = workplace.config.config_dir / "profiles"
    profiles.mkdir(parents=True)
    own = profiles / "eigen.toml"
    workplace.write("a.txt", SEALS)
    own.write_text("[chunk]\nsize = 400\n")
    workplace.ingest(profile="eigen")
    assert counts(workplace.ingest(profile="eigen")) == (0, 0, 0, 1)
    own.write_text("[chunk]\nsize = 40\n")
    report = workplace.ingest(profile="eigen")
    assert counts(report) == (0, 1, 0, 0)
    assert report.published[0]["chunks"] > 1


def test_when_texts_get_other_words_in_the_index_their_rows_are_made_anew(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    monkeypatch.setattr(analysis, "VERSION", analysis.VERSION + 1)
    monkeypatch.setattr(lexical, "with_parts", lambda _text, _language: "walrus")
    assert counts(workplace.ingest()) == (0, 1, 0, 0)
    assert workplace.places("walrus") == [["a.txt"]]
    assert counts(workplace.ingest()) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"profile": "no-such"}, ProfileError, "no-such"),
        ({"embedder": "no-such"}, UsageError, "no-such"),
        ({"embedder": "bge-m3"}, ModelUnavailableError, "bge-m3"),
    ],
)
def test_what_is_not_there_is_named(
    workplace: Workplace, empty_hub_cache: Path, options: dict[str, str], error: type[Exception], words: str
) -> None:
    workplace.write("a.txt", SEALS)
    with pytest.raises(error, match=words):
        workplace.ingest(**options)
    assert find_indexes(workplace.config.indexes) == []


def test_another_embedder_asks_for_all_folders_of_an_index(
    workplace: Workplace, tiny_bge: Callable[[Workplace], None]
) -> None:
    workplace.write("a.txt", SEALS, root="one")
    workplace.write("b.txt", INVOICE, root="two")
    one, two = workplace.path / "one", workplace.path / "two"
    workplace.ingest(one, two)
    tiny_bge(workplace)
    assert counts(workplace.ingest(one, two)) == (0, 0, 0, 2), "an index keeps its embedder"
    with pytest.raises(UsageError, match="two") as caught:
        workplace.ingest(one, embedder="bge-m3")
    assert "all-minilm-l6-v2" in caught.value.message
    with shut_out_readers(paths_of(workplace).version(1)) as nobody_reads:
        assert nobody_reads, "the run that was refused let go of the version"

    damage(one / "a.txt")
    with pytest.raises(NothingPublishedError, match=r"a\.txt"):
        workplace.ingest(one, two, embedder="bge-m3")
    assert workplace.places("seals") == [["a.txt"]]

    workplace.write("a.txt", SEALS, root="one")
    report = workplace.ingest(one, two, embedder="bge-m3")
    assert counts(report) == (0, 2, 0, 0)
    assert (report.chunks_made, report.chunks_reused) == (1, 1), "the run that was refused had made one vector"
    with Version.open(paths_of(workplace), IndexName("default", "default", "algemeen")) as version:
        assert (version.manifest.embedder.name, version.manifest.embedder.dimension) == ("bge-m3", 1024)
    assert len(workplace.search("seals").hits) == 2


def test_a_run_beside_another_is_refused(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    with writer_lock(paths_of(workplace).lock), pytest.raises(LockedError, match=f"process {os.getpid()}"):
        workplace.ingest()
    assert workplace.ingest().exit_code is ExitCode.OK


def test_what_changes_while_a_run_waits_is_seen(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    with ExitStack() as other_run:
        other_run.enter_context(writer_lock(paths_of(workplace).lock))

        def end_the_other_run(_seconds: float) -> None:
            workplace.write("b.txt", INVOICE)
            other_run.close()

        monkeypatch.setattr(time, "sleep", end_the_other_run)
        assert counts(workplace.ingest(wait=60)) == (1, 0, 0, 1)


def test_a_lock_in_another_project_is_no_obstacle(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    with writer_lock(paths_of(workplace).lock):
        workplace.config = workplace.config.model_copy(update={"project": "other"})
        assert workplace.ingest().exit_code is ExitCode.OK


@pytest.mark.parametrize("room_for", [0, 2, 8])
def test_a_full_disk_publishes_nothing_and_harms_nothing(
    workplace: Workplace, room_for: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    workplace.write("a.txt", BOILER)
    calls = 0
    force = os.fsync

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > room_for:
            raise OSError(errno.ENOSPC, "No space left on device")
        force(descriptor)

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fsync)
        with pytest.raises(NothingPublishedError, match="No space left on device") as caught:
            workplace.ingest()
    assert calls > room_for
    assert caught.value.exit_code is ExitCode.NOT_PUBLISHED
    assert (workplace.places("seals"), workplace.places("boiler")) == ([["a.txt"]], [])
    workplace.ingest()
    assert (workplace.places("seals"), workplace.places("boiler")) == ([], [["a.txt"]])


def test_a_home_that_cannot_be_made_is_told(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.write("a-file", "", root=".")
    workplace.config = workplace.config.model_copy(update={"home": workplace.path / "a-file" / "home"})
    with pytest.raises(NothingPublishedError, match="a-file"):
        workplace.ingest()


def test_the_run_report_is_kept_and_adds_up(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.write("b.txt", SEALS)
    workplace.write("c.md", "# Cellar\n\n" + BOILER * 30)
    workplace.write("d.exe", "")
    damage(workplace.write("e.txt", ""))
    report = workplace.ingest()
    (file,) = workplace.config.runs.iterdir()
    kept = orjson.loads(file.read_bytes())
    assert kept == orjson.loads(report.to_json())
    assert file.name == f"{report.run_id}.json"
    assert (kept["files_seen"], kept["files_added"], len(kept["failed"])) == (4, 3, 1)
    assert kept["files_skipped"] == {".exe": 1}
    with Version.open(paths_of(workplace), IndexName("default", "default", "algemeen")) as version:
        manifest = version.manifest
    assert kept["chunks_made"] + kept["chunks_reused"] + kept["chunks_deduplicated"] == manifest.places
    assert kept["chunks_made"] == manifest.chunks == kept["stages"]["embed"]["items"] == kept["devices"]["cpu"]["items"]
    assert kept["stages"]["parse"]["items"] == 3
    assert kept["stages"]["chunk"]["items"] == manifest.places
    assert kept["stages"]["embed"]["tokens"] > 0


def test_reports_of_the_newest_runs_are_kept(workplace: Workplace) -> None:
    workplace.config = workplace.config.model_copy(update={"keep_logs": 2})
    workplace.write("a.txt", SEALS)
    for started in ("20200101T020000Z-aaaaaa", "20200102T020000Z-aaaaaa"):
        ingest([workplace.docs], workplace.config, ignore, report=RunReport(started))
    report = workplace.ingest()
    assert {path.stem for path in workplace.config.runs.iterdir()} == {"20200102T020000Z-aaaaaa", report.run_id}


def test_a_run_that_is_interrupted_keeps_its_report(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    with pytest.raises(KeyboardInterrupt):
        workplace.ingest(listener=Interrupting(1))
    (file,) = workplace.config.runs.iterdir()
    assert orjson.loads(file.read_bytes())["files_seen"] == 1


def test_texts_longer_than_the_window_are_counted(workplace: Workplace) -> None:
    profiles = workplace.config.config_dir / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "lang.toml").write_text('[chunk]\nstrategy = "words"\nsize = 1000\n')
    workplace.write("long.txt", " ".join(f"Item {n} is in stock." for n in range(150)))
    workplace.write("short.txt", SEALS)
    report = workplace.ingest(profile="lang")
    assert report.chunks_windowed == 1
    assert report.stages["embed"].tokens > 2 * 256


def test_a_folder_without_a_file_to_read_is_a_usage_error(workplace: Workplace) -> None:
    with pytest.raises(UsageError, match="no file to read"):
        workplace.ingest()
    workplace.write("a.exe", "")
    with pytest.raises(UsageError, match=r"1 \.exe"):
        workplace.ingest()


def test_a_folder_that_became_empty_takes_its_documents_out_only_when_asked(workplace: Workplace) -> None:
    file = workplace.write("a.txt", SEALS)
    workplace.ingest()
    file.unlink()
    report = workplace.ingest()
    assert report.exit_code is ExitCode.PARTIAL
    assert [(entry["root"], entry["code"]) for entry in report.failed] == [(str(workplace.docs), "shrunk")]
    assert workplace.places("seals") == [["a.txt"]]
    report = workplace.ingest(allow_shrink=True)
    assert (counts(report), report.published[0]["documents"]) == ((0, 0, 1, 0), 0)
    assert workplace.places("seals") == []
    assert workplace.search("seals").hits == ()
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    assert workplace.places("seals") == [["a.txt"]]


def test_a_name_that_is_not_utf8_is_taken_in_and_found_unchanged(workplace: Workplace) -> None:
    workplace.write(os.fsdecode(b"caf\xe9.txt"), SEALS)
    assert counts(workplace.ingest()) == (1, 0, 0, 0)
    assert counts(workplace.ingest()) == (0, 0, 0, 1)
    assert workplace.places("seals") == [[r"caf\xe9.txt"]]


def test_state_is_for_its_owner_alone(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()
    assert workplace.config.home.stat().st_mode & 0o077 == 0


def test_a_document_that_a_failed_publish_left_in_two_indexes_is_in_one_again(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = workplace.write("a.txt", SEALS)
    workplace.write("b.txt", INVOICE)
    workplace.ingest(profile="algemeen")
    publish = assembly.VersionBuilder.publish
    published: list[str] = []

    def fail_the_second(builder: assembly.VersionBuilder, *arguments: object, **options: object) -> object:
        if published:
            raise OSError(errno.ENOSPC, "No space left on device")
        manifest = publish(builder, *arguments, **options)
        published.append(manifest.index)
        return manifest

    with monkeypatch.context() as patch:
        patch.setattr(assembly.VersionBuilder, "publish", fail_the_second)
        with pytest.raises(PartlyPublishedError, match="published before that: default/default/rapport"):
            workplace.ingest(profile="rapport")
    workplace.ingest(profile="rapport")
    assert workplace.places("seals") == [["a.txt"]]
    assert {str(hit.index) for hit in workplace.search("seals").hits} == {"default/default/rapport"}
    file.unlink()
    workplace.ingest(profile="rapport")
    assert workplace.places("seals") == []


def test_a_folder_that_is_gone_is_refused_and_its_documents_leave_when_asked(workplace: Workplace) -> None:
    workplace.write("a.txt", SEALS)
    workplace.write("b.txt", INVOICE, root="kept")
    workplace.ingest(workplace.docs, workplace.path / "kept")
    shutil.rmtree(workplace.docs)
    with pytest.raises(UsageError, match="No such file"):
        workplace.ingest()
    assert workplace.places("seals") == [["a.txt"]]
    report = workplace.ingest(allow_shrink=True)
    assert report.files_removed == 1
    assert workplace.places("seals") == []
    assert workplace.places("invoice") == [["b.txt"]]


def test_a_run_that_cannot_close_its_files_lets_go_of_the_version(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.write("a.txt", SEALS)
    workplace.ingest()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(assembly.VersionBuilder, "publish", refuse)
    monkeypatch.setattr(SegmentWriter, "close", refuse)
    workplace.write("b.txt", INVOICE)
    with pytest.raises(NothingPublishedError) as caught:
        workplace.ingest()
    with shut_out_readers(paths_of(workplace).version(1)) as nobody_reads:
        assert nobody_reads, f"while {caught.value} is told"
