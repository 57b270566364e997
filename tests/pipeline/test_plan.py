from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from ragfactory.config import Config
from ragfactory.pipeline import plan as plan_module
from ragfactory.pipeline.plan import Plan, make_plan
from ragfactory.pipeline.recipe import Recipes
from ragfactory.pipeline.scan import scan
from ragfactory.profiles import load_profiles
from ragfactory.store.durable import sha256_of
from ragfactory.store.records import DocumentRecord, Place, SharedRow

if TYPE_CHECKING:
    from pathlib import Path

TYPE = "algemeen"


@dataclass
class Desk:
    """A folder of files, and the documents that an index would hold of them."""

    folder: Path
    recipes: Recipes
    forced: str | None = None
    stored: dict[tuple[str, str], DocumentRecord] = field(default_factory=dict)

    def write(self, name: str, text: str = "some text") -> Path:
        file = self.folder / name
        file.write_text(text)
        return file

    def store(self, name: str, *, document_type: str = TYPE, recipe: str | None = None, **changes: object) -> None:
        """Remember a file as it is now."""
        file = self.folder / name
        status = file.stat()
        record = DocumentRecord(
            root=str(self.folder),
            path=name,
            key=sha256_of(file),
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            recipe=recipe or self.recipes[document_type].digest(name, forced=self.forced is not None),
            document_type=document_type,
            type_confidence=1.0,
            format="text",
            chunks=1,
        )
        self.stored[record.root, record.path] = record.model_copy(update=changes)

    def plan(self, *paths: Path) -> Plan:
        return make_plan(scan(paths or (self.folder,)), self.stored, self.recipes, lambda _: self.forced)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    folder = tmp_path / "docs"
    folder.mkdir()
    recipes = Recipes(
        [entry.profile for entry in load_profiles().values()],
        Config(home=tmp_path, config_dir=tmp_path, embedder="all-minilm-l6-v2"),
    )
    return Desk(folder, recipes)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose bytes are read to compare them."""
    read: list[Path] = []

    def counting(path: Path) -> str:
        read.append(path)
        return sha256_of(path)

    monkeypatch.setattr(plan_module, "sha256_of", counting)
    return read


def tasks(plan: Plan) -> list[str]:
    return [source.doc_id for source in plan.tasks]


def removed(plan: Plan) -> list[str]:
    return [record.path for record in plan.removed]


def shared_with(row: int) -> tuple[SharedRow, ...]:
    return (SharedRow(row=row, place=Place(n=0, start=0, end=9)),)


def test_a_new_file_is_a_task(desk: Desk) -> None:
    desk.write("a.txt")
    plan = desk.plan()
    assert (tasks(plan), removed(plan), plan.unchanged) == (["a.txt"], [], 0)


def test_same_size_and_time_is_unchanged_and_nothing_is_read(desk: Desk, hashed: list[Path]) -> None:
    desk.write("a.txt")
    desk.store("a.txt")
    plan = desk.plan()
    assert (tasks(plan), plan.unchanged) == ([], 1)
    assert hashed == []


def test_a_touched_file_with_the_same_bytes_is_unchanged(desk: Desk, hashed: list[Path]) -> None:
    file = desk.write("a.txt")
    desk.store("a.txt")
    os.utime(file, ns=(1, 1))
    plan = desk.plan()
    assert (tasks(plan), plan.unchanged) == ([], 1)
    assert hashed == [file]


def test_a_touched_file_with_other_bytes_of_the_same_number_is_a_task(desk: Desk) -> None:
    file = desk.write("a.txt", "aaaa")
    desk.store("a.txt")
    file.write_text("bbbb")
    os.utime(file, ns=(1, 1))
    assert tasks(desk.plan()) == ["a.txt"]


def test_another_size_is_a_task_without_reading(desk: Desk, hashed: list[Path]) -> None:
    file = desk.write("a.txt", "aaaa")
    desk.store("a.txt")
    file.write_text("aaaaa")
    assert tasks(desk.plan()) == ["a.txt"]
    assert hashed == []


def test_other_bytes_under_the_old_size_and_time_pass_as_unchanged(desk: Desk) -> None:
    """The price of the fast path."""
    file = desk.write("a.txt", "aaaa")
    desk.store("a.txt")
    time = file.stat().st_mtime_ns
    file.write_text("bbbb")
    os.utime(file, ns=(time, time))
    assert tasks(desk.plan()) == []


def test_a_touched_file_that_cannot_be_read_is_a_task(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    file = desk.write("a.txt")
    desk.store("a.txt")
    os.utime(file, ns=(1, 1))

    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(plan_module, "sha256_of", refuse)
    assert tasks(desk.plan()) == ["a.txt"]


def test_another_recipe_is_a_task(desk: Desk) -> None:
    desk.write("a.txt")
    desk.write("b.txt")
    desk.store("a.txt")
    desk.store("b.txt", recipe="made some other way")
    plan = desk.plan()
    assert (tasks(plan), plan.unchanged) == (["b.txt"], 1)


def test_a_document_of_a_profile_that_is_gone_is_a_task(desk: Desk) -> None:
    desk.write("a.txt")
    desk.store("a.txt", recipe="of another day")
    (record,) = desk.stored.values()
    desk.stored[record.root, record.path] = record.model_copy(update={"document_type": "retired"})
    assert tasks(desk.plan()) == ["a.txt"]


def test_a_forced_profile_makes_tasks_of_documents_of_other_types(desk: Desk) -> None:
    desk.write("a.txt")
    desk.write("b.txt")
    desk.forced = TYPE
    desk.store("a.txt")
    desk.store("b.txt", document_type="post")
    assert tasks(desk.plan()) == ["b.txt"]


def test_a_file_that_is_gone_is_removed_and_one_outside_the_run_is_not(desk: Desk, tmp_path: Path) -> None:
    gone = desk.write("gone.txt")
    desk.write("a.txt")
    desk.store("gone.txt")
    desk.store("a.txt")
    gone.unlink()
    assert removed(desk.plan()) == ["gone.txt"]
    assert removed(desk.plan(desk.folder / "a.txt")) == []


def test_documents_that_share_rows_of_a_changed_one_are_made_anew_to_the_last(desk: Desk) -> None:
    for name in ("a.txt", "b.txt", "c.txt", "other.txt"):
        desk.write(name)
    desk.store("a.txt", size=1, rows=((0, 2),))
    desk.store("b.txt", rows=((2, 1),), shared=shared_with(1))
    desk.store("c.txt", shared=shared_with(2))
    desk.store("other.txt", rows=((3, 1),))
    plan = desk.plan()
    assert (tasks(plan), plan.unchanged) == (["a.txt", "b.txt", "c.txt"], 1)


def test_documents_that_share_rows_of_a_removed_one_are_made_anew(desk: Desk) -> None:
    gone = desk.write("gone.txt")
    desk.write("b.txt")
    desk.store("gone.txt", rows=((0, 1),))
    desk.store("b.txt", shared=shared_with(0))
    gone.unlink()
    plan = desk.plan()
    assert (tasks(plan), removed(plan)) == (["b.txt"], ["gone.txt"])


def test_rows_of_the_same_number_in_another_index_are_not_shared(desk: Desk) -> None:
    for name in ("a.txt", "b.txt", "of-b.txt"):
        desk.write(name)
    desk.store("a.txt", size=1, rows=((0, 1),))
    desk.store("b.txt", document_type="post", shared=shared_with(0))
    desk.store("of-b.txt", document_type="post", rows=((0, 1),))
    assert tasks(desk.plan()) == ["a.txt"]


def test_a_document_that_shares_a_row_whose_owner_went_in_another_run_is_made_anew(desk: Desk) -> None:
    desk.write("a.txt")
    desk.write("b.txt")
    desk.store("a.txt", rows=((1, 1),))
    desk.store("b.txt", shared=shared_with(0))
    assert tasks(desk.plan()) == ["b.txt"]


def test_documents_that_want_contexts_and_those_that_share_their_rows_may_stay_together(desk: Desk) -> None:
    for name in ("alone.txt", "first.txt", "second.txt", "other.txt"):
        desk.write(name)
    desk.store("alone.txt", rows=((9, 1),), contexts_missing=1)
    desk.store("first.txt", rows=((0, 2),), contexts_missing=1)
    desk.store("second.txt", shared=shared_with(0))
    desk.store("other.txt", rows=((5, 1),))
    plan = desk.plan()
    assert tasks(plan) == ["alone.txt", "first.txt", "second.txt"]
    assert {path for _, path in plan.for_contexts} == {"alone.txt", "first.txt", "second.txt"}
    assert {path for _, path in plan.leaning} == {"first.txt", "second.txt"}


def test_where_what_they_share_changes_they_do_not_stay(desk: Desk) -> None:
    for name in ("first.txt", "second.txt", "changed.txt"):
        desk.write(name)
    desk.store("changed.txt", rows=((5, 1),))
    desk.write("changed.txt", "quite other text")
    desk.store("first.txt", rows=((0, 2),), contexts_missing=1)
    desk.store("second.txt", shared=(*shared_with(0), *shared_with(5)))
    plan = desk.plan()
    assert tasks(plan) == ["changed.txt", "first.txt", "second.txt"]
    assert {path for _, path in plan.leaning} == {"first.txt"}
    desk.store("first.txt", shared=shared_with(5), contexts_missing=1)
    desk.store("second.txt", shared=shared_with(0))
    assert not desk.plan().leaning
