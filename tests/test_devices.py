"""Two roles on the cards of a run: they stay together where both fit, and else one leaves before the other comes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from ragfactory.config import Config
from ragfactory.config import Fleet as Settings
from ragfactory.devices import RunDevices
from ragfactory.events import Notice, Worked, WorkerLost
from ragfactory.fleet import process
from ragfactory.fleet.leases import holders, machine_wide
from ragfactory.fleet.model import Role
from tests import fleet
from tests.fleet.fleets import hashes, items, workers_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.events import Listener
    from tests.fleet.nvml.simulated_box import SimulatedBox

TARGET = "misbehaving_worker:answerer"


@pytest.fixture
def devices_with(
    simulated_box: SimulatedBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunDevices]:
    """The devices of a run on one card of 8 GiB; another is not asked for, and hot."""
    simulated_box.resize(2)
    simulated_box.card(1).temperature = 90
    simulated_box.write()
    monkeypatch.setenv("PYTHONPATH", str(Path(fleet.__path__[0])))

    def make(told: Listener = lambda _event: None, *, check_s: float = 0.05, **settings: object) -> RunDevices:
        asked = Settings(check_s=check_s, devices="0", **settings)  # type: ignore[arg-type]
        return RunDevices(Config(home=tmp_path, config_dir=tmp_path, fleet=asked), "run-1", told)

    return make


def test_a_preference_for_a_card_that_is_not_there_is_told_once(simulated_box: SimulatedBox, tmp_path: Path) -> None:
    simulated_box.resize(2)
    simulated_box.write()
    config = Config(home=tmp_path, config_dir=tmp_path, fleet=Settings(prefer={"embed": (0, 99)}))
    told: list[object] = []
    with RunDevices(config, "run-1", told.append) as devices:
        devices.judge(Role.EMBED)
    (notice,) = told
    assert isinstance(notice, Notice)
    assert "(embed = [99]; it has 0, 1)" in notice.message


@pytest.mark.parametrize(("needed_mb", "stays"), [(3000, True), (5000, False)])
def test_a_role_leaves_when_the_card_has_no_memory_for_both(
    devices_with: Callable[..., RunDevices], simulated_box: SimulatedBox, needed_mb: int, stays: bool
) -> None:
    with devices_with() as devices:
        embedding, writing = (devices.fleet(role, TARGET, {}) for role in (Role.EMBED, Role.WRITE))
        devices.need(Role.WRITE, needed_mb)
        devices.make_room(embedding)
        assert embedding.map(items(b"a")) == hashes([b"a"])
        (embedder,) = workers_of(os.getpid())
        simulated_box.card(0).add_process(embedder, used_mb=4000)
        devices.make_room(writing)
        assert embedding.is_loaded is stays
        if not stays:
            simulated_box.card(0).processes, simulated_box.card(0).used_mb = (), 1
        assert writing.map(items(b"b")) == hashes([b"b"])
        assert len(workers_of(os.getpid())) == 1 + stays
        assert len(holders(machine_wide())) == 1
    assert workers_of(os.getpid()) == []
    assert holders(machine_wide()) == {}


def test_a_role_that_is_at_work_keeps_its_card_until_it_is_done(
    devices_with: Callable[..., RunDevices], simulated_box: SimulatedBox
) -> None:
    with devices_with() as devices:
        embedding, writing = (devices.fleet(role, TARGET, {}) for role in (Role.EMBED, Role.WRITE))
        devices.need(Role.WRITE, 5000)
        assert writing.map(items(b"a")) == hashes([b"a"])
        simulated_box.card(0).used_mb = 7000
        assert not devices.is_crowded_out(embedding), "a role that rests can leave"
        writing.submit(items(b"b"))
        assert devices.is_crowded_out(embedding)
        devices.make_room(embedding)
        assert writing.is_loaded
        found: list[object] = []
        while writing.is_busy:
            found += writing.poll(0.05).values()
        assert found == hashes([b"b"])
        assert not devices.is_crowded_out(embedding)
        devices.make_room(embedding)
        assert not writing.is_loaded


def test_where_somebody_waits_a_card_that_hangs_is_given_up_soon_and_the_cpu_answers(
    devices_with: Callable[..., RunDevices], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGFACTORY_DEVICE_HOOK", "misbehaving_worker:fault")
    clock = SimpleNamespace(monotonic=lambda: 4 * time.monotonic())
    monkeypatch.setattr(process, "time", clock)
    told: list[object] = []
    with devices_with(told.append, check_s=600.0) as devices:
        fleet = devices.fleet(Role.RERANK, TARGET, {}, alone=True)
        assert fleet.map(items(b"!sleep@gpu0")) == hashes([b"!sleep@gpu0"])
    (lost,) = (event for event in told if isinstance(event, WorkerLost))
    assert lost.reason.startswith("it hangs: no answer within 15 s")
    assert [event.device for event in told if isinstance(event, Worked)] == ["cpu"]


def test_two_models_of_one_role_take_turns_on_a_card_that_is_too_small_for_both(
    devices_with: Callable[..., RunDevices], simulated_box: SimulatedBox
) -> None:
    with devices_with(unload="never") as devices:
        first, second = (devices.fleet(Role.EMBED, TARGET, {}) for _ in range(2))
        assert first.map(items(b"a")) == hashes([b"a"])
        simulated_box.card(0).used_mb = 7000
        devices.make_room(second)
        assert not first.is_loaded
        simulated_box.card(0).used_mb = 1
        assert second.map(items(b"b")) == hashes([b"b"])
        devices.rest(first)
        assert len(holders(machine_wide())) == 1, "the second still has the card"


@pytest.mark.parametrize(("unload", "loaded"), [("immediate", False), ("never", True), ("idle:600", True)])
def test_what_rests_leaves_the_card_unless_it_is_to_stay(
    devices_with: Callable[..., RunDevices], unload: str, loaded: bool
) -> None:
    with devices_with(unload=unload) as devices:
        embedding = devices.fleet(Role.EMBED, TARGET, {})
        embedding.map(items(b"a"))
        devices.rest(embedding)
        assert embedding.is_loaded is loaded
        assert bool(holders(machine_wide())) is loaded
