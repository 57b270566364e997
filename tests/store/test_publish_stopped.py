"""A publish that is killed or finds the disk full, at any of its steps: what served still serves, and the next run goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.store.conftest import Shelf, contents, quick_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLISHER = Path(__file__).parent / "dying_publisher.py"
KEPT = {"d.txt": ["de omzet", "waterkracht"]}
BEFORE = KEPT | {"a.txt": ["het gebouw aan de kade"], "b.txt": ["de omzet", "windmolens"]}
CHANGES = {"a.txt": ["het gebouw is verkocht", "nieuw"], "b.txt": None, "c.txt": ["zonnepanelen", "nieuw"]}
AFTER = KEPT | {path: texts for path, texts in CHANGES.items() if texts is not None}


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.mark.parametrize(
    ("how", "end", "steps"), [("killed", "killed", 25), ("full", "refused", 20), ("narrow", "refused", 8)]
)
def test_a_publish_stopped_at_any_step(folder: Path, how: str, end: str, steps: int) -> None:
    home, copies = folder / "home", folder / "copies"
    Shelf.at(home).publish(BEFORE)
    ran = subprocess.run([sys.executable, PUBLISHER, home, copies, how], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    ends = dict(line.split(" ", 1) for line in ran.stdout.splitlines())
    assert list(ends.values()) == [end] * (len(ends) - 1) + ["done"], ran.stderr
    assert len(ends) > steps
    served = [assert_whole(Shelf.at(copies / name)) for name in ends]
    assert served == sorted(served)  # version 1 up to some step, version 2 from then on
    assert served[0] == 1
    assert served[-1] == 2


def assert_whole(shelf: Shelf) -> int:
    """What CURRENT names is complete, and a run that follows publishes. Returns the number that CURRENT named."""
    with shelf.open() as version:
        number = version.manifest.version
        assert contents(version) == (BEFORE if number == 1 else AFTER)
    manifest = shelf.publish(CHANGES)
    assert manifest.parent == number
    with shelf.open() as version:
        assert version.manifest.version == manifest.version
        assert contents(version) == AFTER
    assert not shelf.paths.building.exists()
    return number
