"""Runs over a simulated box of cards: real workers, each with the real MiniLM, and what becomes of a run when they break."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragfactory import events
from ragfactory.errors import DeviceUnavailableError, ExitCode, UsageError
from ragfactory.fleet.leases import holders, machine_wide
from ragfactory.pipeline import vectors as vectors_module
from ragfactory.store.layout import IndexName, IndexPaths
from ragfactory.store.version import Version
from tests import fleet
from tests.conftest import Workplace
from tests.fleet.fleets import workers_of

if TYPE_CHECKING:
    from ragfactory.events import Event
    from tests.fleet.nvml.simulated_box import SimulatedBox

NAME = IndexName("default", "default", "algemeen")
SHARED = "The lift in the north wing was inspected in May, and nothing was found that could not wait."
KILLS, GUESTS = 20, 70
POISON = "This paragraph [[abort]] ends every process that reads it."


@pytest.fixture
def cards(simulated_box: SimulatedBox, monkeypatch: pytest.MonkeyPatch) -> SimulatedBox:
    """Two cards whose workers run on the CPU."""
    simulated_box.resize(2)
    simulated_box.write()
    monkeypatch.setenv("PYTHONPATH", str(Path(fleet.__path__[0])))
    monkeypatch.setenv("RAGFACTORY_DEVICE_HOOK", "on_cpu:fault")
    return simulated_box


def on(workplace: Workplace, devices: str, **settings: object) -> Workplace:
    """The workplace, with the devices that are to work."""
    changed = workplace.config.fleet.model_copy(update={"devices": devices, **settings})
    workplace.config = workplace.config.model_copy(update={"fleet": changed})
    return workplace


def fill(workplace: Workplace) -> None:
    for n in range(12):
        floors = "\n\n".join(f"Floor {f} of building {n} was let for {(n + 1) * (f + 7) * 100} euro." for f in range(6))
        workplace.write(
            f"building-{n:02}.md", f"# Building {n}\n\n{floors}\n\n## Lift\n\n{SHARED} {'[[too much]]' * (n == 5)}"
        )


def vectors(workplace: Workplace) -> dict[str, np.ndarray]:
    """The vector of each chunk that is stored, by its text."""
    found = {}
    with Version.open(IndexPaths.of(workplace.config.indexes, NAME), NAME) as version:
        for segment in version.segments.values():
            for row in np.flatnonzero(segment.live):
                found[segment.chunk(int(row)).text] = segment.vectors.gather(np.array([row]))[0]
    return found


def test_cards_make_what_one_processor_makes(workplace: Workplace, cards: SimulatedBox, tmp_path: Path) -> None:
    fill(workplace)
    heard: list[Event] = []
    report = on(workplace, "auto").ingest(listener=heard.append)
    assert (report.exit_code, report.files_added) == (ExitCode.OK, 12)
    assert set(report.devices) == {"gpu0", "gpu1"}
    assert sum(totals.items for totals in report.devices.values()) == report.chunks_made
    assert sum(totals.retried for totals in report.devices.values()) > 0
    assert any("do not fit" in incident["reason"] for incident in report.incidents)
    assert report.stages["embed"].items == report.chunks_made
    assert {event.device for event in heard if isinstance(event, events.WorkerStarted)} == {"gpu0", "gpu1"}
    assert holders(machine_wide()) == {}
    assert workers_of(os.getpid()) == []

    alone = on(Workplace(tmp_path), "cpu")
    alone.config = alone.config.model_copy(update={"home": tmp_path / "alone"})
    assert set(alone.ingest().devices) == {"cpu"}
    expected, made = vectors(alone), vectors(workplace)
    assert expected.keys() == made.keys()
    for text, vector in expected.items():
        np.testing.assert_array_equal(made[text], vector)


def test_workers_killed_at_random_change_nothing_of_an_index(
    workplace: Workplace, cards: SimulatedBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(GUESTS):
        workplace.write(
            f"guest-{n:02}.md", f"# Guest {n}\n\nGuest {n} stayed {n % 14 + 1} nights and paid {n * 75} euro."
        )
    monkeypatch.setattr(vectors_module, "CARD_BATCH", 1)
    rng, killed = random.Random(5), 0

    def kill_one(event: Event) -> None:
        nonlocal killed
        if isinstance(event, events.Worked) and killed < KILLS and rng.random() < 0.9:
            os.kill(rng.choice(workers_of(os.getpid())), signal.SIGKILL)
            killed += 1

    report = workplace.ingest(listener=kill_one)
    assert killed == KILLS
    assert (report.exit_code, report.files_added, report.failed) == (ExitCode.OK, GUESTS, [])
    assert sum(totals.workers_lost for totals in report.devices.values()) >= KILLS / 2, (
        "some died while they had no work"
    )
    made = vectors(workplace)
    assert len(made) == report.chunks_made == GUESTS

    alone = on(Workplace(tmp_path), "cpu")
    alone.config = alone.config.model_copy(update={"home": tmp_path / "alone"})
    alone.ingest()
    expected = vectors(alone)
    assert expected.keys() == made.keys()
    for text, vector in expected.items():
        np.testing.assert_array_equal(made[text], vector)


def test_a_poisonous_passage_fails_its_document_alone(workplace: Workplace, cards: SimulatedBox) -> None:
    workplace.write("bad.md", f"# Report\n\n{SHARED}\n\n## Poison\n\n{POISON}")
    workplace.write("good.md", f"# Report\n\n{SHARED}")
    workplace.write("other.md", "# Other\n\nThe garden has three apple trees.")
    report = workplace.ingest()
    assert (report.exit_code, report.files_added) == (ExitCode.PARTIAL, 2)
    (failure,) = report.failed
    assert (failure["path"], failure["code"]) == ("bad.md", "not_embedded")
    assert "SIGABRT" in str(failure["message"])
    assert workplace.places("lift") == [["good.md"]]

    report = workplace.ingest()
    assert (report.files_added, report.failed, len(report.failed_before)) == (0, [], 1)
    workplace.write("bad.md", f"# Report\n\n{SHARED}")
    report = workplace.ingest()
    assert (report.exit_code, report.files_added) == (ExitCode.OK, 1)
    assert workplace.places("lift") == [["good.md", "bad.md"]]


def test_a_changed_document_that_cannot_be_embedded_keeps_its_predecessor(
    workplace: Workplace, cards: SimulatedBox
) -> None:
    workplace.write("report.md", "# Report\n\nThe garden has three apple trees.")
    workplace.ingest()
    workplace.write("report.md", "# Report\n\nThe garden [[raise]] has four apple trees.")
    report = workplace.ingest()
    assert (report.exit_code, [failure["code"] for failure in report.failed]) == (
        ExitCode.NOT_PUBLISHED,
        ["not_embedded"],
    )
    (hit,) = workplace.search("apple trees").hits
    assert "three apple trees" in hit.chunk.text


@pytest.mark.parametrize(("devices", "error"), [("7", DeviceUnavailableError), ("gpu", UsageError)])
def test_devices_that_cannot_be_are_refused_before_any_work(
    workplace: Workplace, cards: SimulatedBox, devices: str, error: type[Exception]
) -> None:
    workplace.write("a.md", "# Report\n\nThe garden has three apple trees.")
    heard: list[Event] = []
    with pytest.raises(error):
        on(workplace, devices).ingest(listener=heard.append)
    assert not any(isinstance(event, events.Started) for event in heard)


def test_cards_that_are_too_small_are_no_reason_to_wait(workplace: Workplace, cards: SimulatedBox) -> None:
    workplace.write("a.md", "# Report\n\nThe garden has three apple trees.")
    report = on(workplace, "auto", embed_mb=100_000).ingest()
    assert set(report.devices) == {"cpu"}
