"""A machine of eight simulated cards, which the real bindings of the driver look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fleet.nvml.simulated_box import SimulatedBox, build_library

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def simulated_box(nvml_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedBox]:
    """Eight RTX 3060 Ti. Change them at any time, such as `simulated_box.card(3).temperature = 80`."""
    box = SimulatedBox(tmp_path / "scenario")
    box.install(nvml_library, monkeypatch)
    yield box
    for part in (box, *box.cards):  # lets the thread of a call that hangs come back
        part.recover()
