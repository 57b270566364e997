"""Which devices may work, in which order, and why not: judged over boxes as the driver could tell them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragfactory.config import Fleet
from ragfactory.errors import DeviceUnavailableError, ExitCode, UsageError
from ragfactory.fleet.leases import Holder
from ragfactory.fleet.model import Box, Card, Role, Verdict
from ragfactory.fleet.policy import Devices, Policy

OTHER = Holder(pid=4242, run="20250101T020000Z-abc123")


def card(index: int, temperature_c: int | None = 40, **told: Any) -> Card:
    facts = {"name": "RTX 3060 Ti", "total_mb": 8192, "used_mb": 192, "free_mb": 8000, **told}
    return Card(index, f"GPU-{index}", temperature_c=temperature_c, **facts)


def judge(policy: Policy, *cards: Card, role: Role = Role.EMBED, now: float = 0.0, **given: Any) -> list[Verdict]:
    return policy.judge(Box(cards=cards), role, now, given.pop("leased", {}), given.pop("own", set()), **given)


def may(verdicts: list[Verdict]) -> list[str]:
    """The devices that may work, in order."""
    return [verdict.device.name for verdict in verdicts if verdict.eligible]


def reason(verdicts: list[Verdict], device: str) -> str:
    (found,) = [verdict.reason for verdict in verdicts if verdict.device.name == device]
    return found


# Devices as they are asked for.


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [("auto", [0, 1, 2, 3]), ("cpu", []), ("2", [2]), ("0,2-3", [0, 2, 3]), (" 1 , 1-2", [1, 2]), ("3-3", [3])],
)
def test_devices(asked: str, allowed: list[int]) -> None:
    devices = Devices.parse(asked)
    assert [index for index in range(4) if devices.allow(card(index))] == allowed


@pytest.mark.parametrize("asked", ["", "gpu", "3-1", "-1", "0,,1", "0;1", "1-", "AUTO", "99999"])
def test_devices_that_make_no_sense(asked: str) -> None:
    with pytest.raises(UsageError, match="0,2-5 expected, got"):
        Policy(Fleet(devices=asked))


def test_a_card_that_is_not_there() -> None:
    box = Box(cards=(card(0), card(1)))
    Devices.parse("auto").require(box)
    Devices.parse("cpu").require(box)
    Devices.parse("0-1").require(box)
    with pytest.raises(DeviceUnavailableError, match="no card 2, 3, it has 0, 1") as caught:
        Devices.parse("1-3").require(box)
    assert caught.value.exit_code is ExitCode.UNAVAILABLE
    with pytest.raises(DeviceUnavailableError, match="there is no driver"):
        Devices.parse("0").require(Box(problem="there is no driver"))


def test_a_lost_card_is_there_and_does_not_keep_the_others_from_working() -> None:
    policy = Policy(Fleet(devices="0,1"))
    cards = (card(0, problem="lost: it fell off the bus"), card(1))
    policy.devices.require(Box(cards=cards))
    verdicts = judge(policy, *cards)
    assert may(verdicts) == ["gpu1"]
    assert [verdict.device.name for verdict in verdicts if verdict.lost] == ["gpu0"]


# Order.


def test_the_coolest_comes_first_then_the_freest() -> None:
    cards = (card(0, 60), card(1, 40, free_mb=5000), card(2, 40, free_mb=7000), card(3, None), card(4, 50))
    assert may(judge(Policy(Fleet()), *cards)) == ["gpu2", "gpu1", "gpu4", "gpu0", "gpu3"]


def test_preferred_cards_come_before_cooler_ones() -> None:
    policy = Policy(Fleet(prefer={"write": (1, 2)}))
    cards = (card(0, 30), card(1, 60), card(2, 50))
    assert may(judge(policy, *cards, role=Role.WRITE)) == ["gpu2", "gpu1", "gpu0"]
    assert may(judge(policy, *cards, role=Role.EMBED)) == ["gpu0", "gpu2", "gpu1"]
    assert reason(judge(policy, *cards, role=Role.WRITE), "gpu2") == "50 °C, 8,000 MiB free, preferred"


def test_a_preference_for_a_card_that_is_not_there_is_told() -> None:
    policy = Policy(Fleet(prefer={"embed": (99, 0), "write": (1,), "rerank": (7, 8)}))
    told = policy.absent_preferences(Box(cards=(card(0), card(1))))
    assert told is not None
    assert "(embed = [99], rerank = [7, 8]; it has 0, 1)" in told
    assert "it has none" in str(policy.absent_preferences(Box()))
    assert policy.absent_preferences(Box(problem="there is no driver")) is None
    assert Policy(Fleet(prefer={"write": (1,)})).absent_preferences(Box(cards=(card(1),))) is None


def test_who_may_not_comes_after_who_may_and_the_cpu_last() -> None:
    verdicts = judge(Policy(Fleet()), card(0, 80), card(1), card(10, 90), card(2))
    assert [verdict.device.name for verdict in verdicts] == ["gpu1", "gpu2", "gpu0", "gpu10", "cpu"]
    assert [verdict.device.uuid for verdict in verdicts] == ["GPU-1", "GPU-2", "GPU-0", "GPU-10", None]


# Heat.


def test_a_hot_card_rests_until_it_is_below_the_lower_mark() -> None:
    policy = Policy(Fleet(max_temperature_c=75, resume_temperature_c=68))
    course = [74, 75, 74, 68, 67, 68, 74, 75]
    worked = [bool(may(judge(policy, card(0, degrees)))) for degrees in course]
    assert worked == [True, False, False, False, True, True, True, False]


def test_how_long_a_card_rests_is_told() -> None:
    policy = Policy(Fleet())
    assert reason(judge(policy, card(0, 78), now=100.0), "gpu0") == "resting: 78 °C, works again below 68 °C"
    told = reason(judge(policy, card(0, 71), now=130.0), "gpu0")
    assert told == "resting for 30 s: 71 °C, works again below 68 °C"


def test_a_card_rests_for_every_role() -> None:
    policy = Policy(Fleet())
    judge(policy, card(0, 78), role=Role.EMBED)
    assert not may(judge(policy, card(0, 70), role=Role.WRITE))


def test_a_card_that_falls_silent_while_it_rests_goes_on_resting() -> None:
    policy = Policy(Fleet())
    judge(policy, card(0, 78))
    assert not may(judge(policy, card(0, None)))
    assert may(judge(Policy(Fleet()), card(0, None))) == ["gpu0"]


@given(st.lists(st.integers(20, 110), min_size=1), st.integers(30, 110), st.integers(20, 110))
def test_no_card_is_ever_given_work_at_the_upper_mark_and_it_wakes_only_below_the_lower(
    course: list[int], upper: int, lower: int
) -> None:
    lower = min(lower, upper)
    policy = Policy(Fleet(max_temperature_c=upper, resume_temperature_c=lower))
    worked = True
    for degrees in course:
        works = bool(may(judge(policy, card(0, degrees))))
        assert not (works and degrees >= upper)
        assert worked or not works or degrees < lower
        assert works or degrees >= lower
        worked = works


# Memory.


@pytest.mark.parametrize(("free", "works"), [(2304, True), (2303, False)])
def test_a_card_has_room_for_its_role_and_what_stays_free(free: int, works: bool) -> None:
    verdicts = judge(Policy(Fleet(embed_mb=2048, keep_free_mb=256)), card(0, free_mb=free))
    assert bool(may(verdicts)) is works
    assert works or reason(verdicts, "gpu0") == "2,303 MiB free, 2,304 needed"


def test_each_role_needs_its_own_memory() -> None:
    policy = Policy(Fleet(embed_mb=1000, rerank_mb=2000, write_mb=3000, keep_free_mb=0))
    cards = (card(0, free_mb=1500), card(1, free_mb=2500), card(2, free_mb=3500))
    assert [len(may(judge(policy, *cards, role=role))) for role in (Role.EMBED, Role.RERANK, Role.WRITE)] == [3, 2, 1]
    assert len(may(judge(policy, *cards, role=Role.EMBED, needed_mb=3100))) == 1


def test_a_card_that_has_our_worker_needs_no_more_memory() -> None:
    policy = Policy(Fleet(embed_mb=2048))
    assert not may(judge(policy, card(0, free_mb=400)))
    assert may(judge(policy, card(0, free_mb=400), settled={"GPU-0"})) == ["gpu0"]
    assert not may(judge(policy, card(0, free_mb=400), settled={"GPU-1"}))


# Leases and benches.


def test_a_card_leased_by_another_run_does_not_work_for_us() -> None:
    verdicts = judge(Policy(Fleet()), card(0), card(1), leased={"GPU-0": OTHER})
    assert may(verdicts) == ["gpu1"]
    assert reason(verdicts, "gpu0") == "leased by run 20250101T020000Z-abc123 (pid 4242)"


def test_our_own_lease_is_no_obstacle() -> None:
    assert may(judge(Policy(Fleet()), card(0), leased={"GPU-0": OTHER}, own={"GPU-0"})) == ["gpu0"]


def test_a_benched_card_never_works_again() -> None:
    policy = Policy(Fleet())
    policy.bench("GPU-0", Role.EMBED, "three workers died on it")
    for now in (0.0, 1e6):
        verdicts = judge(policy, card(0), card(1), now=now)
        assert may(verdicts) == ["gpu1"]
        assert reason(verdicts, "gpu0") == "benched: three workers died on it"
    assert "gpu0" in may(judge(policy, card(0), card(1), role=Role.RERANK))


# The CPU.


def test_with_devices_cpu_only_the_cpu_works() -> None:
    verdicts = judge(Policy(Fleet(devices="cpu")), card(0))
    assert may(verdicts) == ["cpu"]
    assert reason(verdicts, "gpu0") == "not asked for (devices cpu)"


def test_the_cpu_waits_while_a_card_may_become_free() -> None:
    passing = {
        "hot": judge(Policy(Fleet()), card(0, 80)),
        "leased": judge(Policy(Fleet()), card(0), leased={"GPU-0": OTHER}),
        "full": judge(Policy(Fleet()), card(0, free_mb=100)),
    }
    for verdicts in passing.values():
        assert may(verdicts) == []
        assert reason(verdicts, "cpu") == "only when no card could take the work for 60 s"


def test_the_cpu_works_at_once_where_there_is_no_card_to_wait_for() -> None:
    benched = Policy(Fleet())
    benched.bench("GPU-0", Role.EMBED, "it died")
    for verdicts in (
        Policy(Fleet()).judge(Box(problem="no driver"), Role.EMBED, 0.0, {}, ()),
        judge(Policy(Fleet()), card(0, problem="lost")),
        judge(Policy(Fleet()), card(0, total_mb=2048, free_mb=2048)),
        judge(Policy(Fleet(devices="1")), card(0)),
        judge(benched, card(0)),
    ):
        assert may(verdicts) == ["cpu"]


def test_cards_that_the_driver_told_of_before_are_waited_for_when_it_falls_silent() -> None:
    policy = Policy(Fleet())
    judge(policy, card(0))
    silent = Box(problem="the NVIDIA driver does not answer")
    assert may(policy.judge(silent, Role.EMBED, 0.0, {}, ())) == []
