"""A fleet of workers on the simulated cards: the driver, the policy and the leases together."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ragfactory import events
from ragfactory.config import Fleet as Settings
from ragfactory.fleet.cards import Cards
from ragfactory.fleet.driver import open_driver
from ragfactory.fleet.leases import Lease, holders
from ragfactory.fleet.model import Device, Role
from ragfactory.fleet.policy import Policy
from ragfactory.fleet.process import Job
from ragfactory.fleet.scheduler import Fleet
from tests.fleet.fleets import hashes, items, plain, workers_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.events import Event
    from tests.fleet.nvml.simulated_box import SimulatedBox

HERE = Path(__file__).parent
CHECK_S = 0.05


@pytest.fixture(autouse=True)
def hooked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.setenv("RAGFACTORY_DEVICE_HOOK", "misbehaving_worker:fault")


@pytest.fixture
def leases(tmp_path: Path) -> Path:
    return tmp_path / "leases"


@pytest.fixture
def cards(simulated_box: SimulatedBox, leases: Path) -> Iterator[Cards]:
    simulated_box.write()
    with open_driver() as driver, Cards(driver, Policy(Settings()), "run-1", leases) as found:
        yield found
    assert holders(leases) == {}
    assert workers_of(os.getpid()) == []


@pytest.fixture
def heard() -> list[Event]:
    return []


@pytest.fixture
def fleet(cards: Cards, heard: list[Event], tmp_path: Path) -> Iterator[Fleet]:
    job = Job("misbehaving_worker:answerer", {}, "run-1", tmp_path / "workers.log")
    with Fleet(job, cards.share(Role.EMBED), heard.append, batch_tokens=100, check_s=CHECK_S) as fleet:
        yield fleet


def test_work_spreads_over_the_cards_and_claims_each_for_its_run(
    fleet: Fleet, leases: Path, simulated_box: SimulatedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_TOKEN_S", "0.001")
    work = [replace(item, document="report.pdf") for item in items(*plain(200))]
    found, said = {}, set()
    for some in fleet.answers(work):
        found |= some
        said |= {holder.work for holder in holders(leases).values()}
    assert [found[item.key] for item in work] == hashes(plain(200))
    assert said <= {"embed", "embed, report.pdf", None}
    assert "embed, report.pdf" in said
    assert set(fleet.totals) == {f"gpu{n}" for n in range(8)}
    held = holders(leases)
    assert set(held) == {card.uuid for card in simulated_box.cards}
    assert {(holder.run, holder.role) for holder in held.values()} == {("run-1", None)}
    fleet.unload()
    assert holders(leases) == {}


def test_a_card_of_another_run_is_left_alone(fleet: Fleet, simulated_box: SimulatedBox, leases: Path) -> None:
    taken = Device("gpu0", simulated_box.card(0).uuid)
    lease = Lease.take(leases, taken, "run-2")
    assert lease is not None
    with lease:
        assert fleet.map(items(*plain(100))) == hashes(plain(100))
    assert "gpu0" not in fleet.totals


def test_a_card_that_is_claimed_between_look_and_work_is_left_alone(
    cards: Cards, simulated_box: SimulatedBox, leases: Path
) -> None:
    device = Device("gpu0", simulated_box.card(0).uuid)
    lease = Lease.take(leases, device, "run-2")
    assert lease is not None
    with lease:
        assert not cards.share(Role.EMBED).claim(device)
    assert cards.share(Role.EMBED).claim(device)


def test_hot_and_lost_cards_get_no_work(
    fleet: Fleet, heard: list[Event], simulated_box: SimulatedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_TOKEN_S", "0.001")
    fleet.map(items(*plain(100)))
    before = {name: totals.items for name, totals in fleet.totals.items()}
    simulated_box.card(2).temperature = 80
    simulated_box.card(5).lose()
    time.sleep(2 * CHECK_S)
    assert fleet.map(items(*plain(100))) == hashes(plain(100))
    assert fleet.totals["gpu2"].items == before["gpu2"]
    assert fleet.totals["gpu5"].items == before["gpu5"]
    assert {event.device for event in heard if isinstance(event, events.Rested)} == {"gpu2", "gpu5"}
    assert {event.device for event in heard if isinstance(event, events.WorkerLost)} == {"gpu5"}
    simulated_box.card(2).temperature = 60
    time.sleep(2 * CHECK_S)
    fleet.map(items(*plain(100)))
    assert events.Resumed("gpu2") in heard


def test_a_card_where_a_fleet_has_its_worker_has_the_memory_for_it(
    fleet: Fleet, cards: Cards, simulated_box: SimulatedBox, heard: list[Event]
) -> None:
    simulated_box.resize(2)
    simulated_box.write()
    fleet.map(items(b"a"))
    (first,) = (event.device for event in heard if isinstance(event, events.WorkerStarted))
    for card in simulated_box.cards:  # the driver does not tell whose memory it is, as in a container
        card.used_mb = 7000
    time.sleep(2 * CHECK_S)
    assert fleet.map(items(*plain(20))) == hashes(plain(20))
    assert [event.device for event in heard if isinstance(event, events.WorkerStarted)] == [first]
    assert not [event for event in heard if isinstance(event, events.FellBack)]
    assert not any(verdict.eligible for verdict in cards.judge(Role.WRITE)), "what embeds there is in the writer's way"


def test_a_card_is_given_up_when_the_last_fleet_leaves(cards: Cards, simulated_box: SimulatedBox, leases: Path) -> None:
    card = Device("gpu0", simulated_box.card(0).uuid)
    shares = [cards.share(Role.EMBED), cards.share(Role.EMBED), cards.share(Role.WRITE)]
    assert all(share.claim(card) for share in shares)
    for share in shares:
        assert set(holders(leases)) == {card.uuid}
        share.release(card)
    assert holders(leases) == {}


def test_a_card_that_is_benched_for_one_role_works_for_another(cards: Cards, simulated_box: SimulatedBox) -> None:
    cards.share(Role.WRITE).bench(Device("gpu0", simulated_box.card(0).uuid), "it cannot load the model")
    eligible = {role: [v.device.name for v in cards.judge(role) if v.eligible] for role in (Role.WRITE, Role.EMBED)}
    assert "gpu0" not in eligible[Role.WRITE]
    assert "gpu0" in eligible[Role.EMBED]
