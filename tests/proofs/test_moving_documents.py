"""A document that moves is at every moment in the index that it comes from or in the one that it goes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proofs.accidents import KILLED, AtStep
from tests.proofs.changing_library import KINDS, of_kind
from tests.proofs.scene import Scene

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace
    from tests.proofs.accidents import Victims


@pytest.fixture
def settled(folder: Path, victims: Victims) -> Scene:
    """A home that is as its folder is."""
    scene = Scene.set(folder, victims)
    scene.assert_finished()
    return scene


def one_of_each(scene: Scene) -> tuple[str, ...]:
    """A document of each kind."""
    return tuple(min(of_kind(scene.library.documents, kind)) for kind in KINDS)


@pytest.mark.parametrize("n", [2, 3])
def test_documents_that_go_both_ways_are_never_in_neither(settled: Scene, n: int) -> None:
    for path in one_of_each(settled):
        settled.library.convert(path)
    assert settled.ingest(AtStep("seal", n)).status == KILLED
    settled.assert_harmless()
    settled.assert_finished()


def test_a_document_that_comes_back_after_a_kill_had_it_in_both(settled: Scene) -> None:
    path, _ = one_of_each(settled)
    settled.library.convert(path)
    assert settled.ingest(AtStep("seal", 2)).status == KILLED
    settled.assert_harmless()
    assert [path in settled.oracle.serving[kind] for kind in KINDS] == [True, True]
    settled.library.convert(path)
    settled.assert_finished()


def test_a_document_keeps_its_old_name_until_it_is_stored_under_the_new_one(workplace: Workplace) -> None:
    file = workplace.write("old.txt", "The keeper counted forty-two seals near the pier before breakfast.")
    workplace.write("other.txt", "The invoice of the carpenter was paid late because of a holiday.")
    workplace.ingest()
    file.rename(workplace.docs / "new.txt")
    report = workplace.ingest(is_over=lambda: True)
    assert report.files_left == 1
    assert workplace.places("seals") == [["old.txt"]]
    report = workplace.ingest()
    assert (report.files_moved, report.files_removed) == (1, 0)
    assert workplace.places("seals") == [["new.txt"]]
