from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proofs.accidents import Victims
from tests.proofs.scene import Scene
from tests.store.conftest import quick_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def victims() -> Iterator[Victims]:
    with Victims() as victims:
        yield victims


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def changed(victims: Victims) -> Iterator[Scene]:
    """A home with two versions behind it, over a folder that changed since. Tests work on copies of the home."""
    with quick_folder() as folder:
        yield Scene.set(folder, victims)
