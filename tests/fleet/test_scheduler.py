from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ragfactory import events
from ragfactory.errors import DeviceUnavailableError, ExitCode
from ragfactory.fleet.process import Job, Patience
from ragfactory.fleet.scheduler import Fleet
from ragfactory.fleet.work import ItemError
from ragfactory.fleet.worker import HEARTBEAT_S
from tests.fleet.fleets import Told, hashes, items, open_descriptors, plain, state_of, workers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ragfactory.events import Event
    from ragfactory.fleet.model import Device, Verdict

HERE = Path(__file__).parent
SHORT = Patience(start_s=60, batch_s=3.0, card_token_s=0, cpu_token_s=0, silence_s=2.5)


@pytest.fixture(autouse=True)
def hooked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.setenv("RAGFACTORY_DEVICE_HOOK", "misbehaving_worker:fault")


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    before = open_descriptors()
    yield
    assert workers_of(os.getpid()) == []
    assert open_descriptors() <= before


@pytest.fixture
def heard() -> list[Event]:
    return []


@pytest.fixture
def fleet_on(tmp_path: Path, heard: list[Event]) -> Callable[..., Fleet]:
    def make(
        devices: Told,
        *,
        setup: dict[str, Any] | None = None,
        target: str = "answerer",
        idle_s: float | None = None,
        **options: Any,
    ) -> Fleet:
        job = Job(f"misbehaving_worker:{target}", setup or {}, "run-1", tmp_path / "workers.log", idle_s=idle_s)
        options = {"check_s": 0.05, "cool_down_s": 0.2, "batch_tokens": 100} | options
        return Fleet(job, devices, heard.append, **options)

    return make


def names(heard: list[Event], kind: type[Any]) -> list[str]:
    return [event.device for event in heard if isinstance(event, kind)]


def test_answers_come_in_the_order_of_the_items_from_every_device(fleet_on: Callable[..., Fleet]) -> None:
    payloads = plain(100)
    with fleet_on(Told(3)) as fleet:
        assert fleet.map(items(*payloads)) == hashes(payloads)
        assert fleet.map([]) == []
        assert fleet.map(items(*payloads[:1])) == hashes(payloads[:1])
        assert set(fleet.totals) == {"gpu0", "gpu1", "gpu2"}
        assert sum(totals.items for totals in fleet.totals.values()) == 101
        assert sum(totals.tokens for totals in fleet.totals.values()) == 1010


def test_a_worker_is_pinned_to_its_card_and_marked_before_anything_is_loaded(
    fleet_on: Callable[..., Fleet],
) -> None:
    with fleet_on(Told(1), setup={"tell": True}) as fleet:
        (card,) = fleet.map(items(b""))
    with fleet_on(Told(0), setup={"tell": True}) as fleet:
        (cpu,) = fleet.map(items(b""))
    assert isinstance(card, bytes)
    assert isinstance(cpu, bytes)
    assert card.decode().split()[:3] == ["cuda", "GPU-0", f"run-1:{os.getpid()}"]
    assert cpu.decode().split()[:2] == ["cpu", f"run-1:{os.getpid()}"]


def test_workers_stay_between_runs_and_leave_when_asked(fleet_on: Callable[..., Fleet]) -> None:
    with fleet_on(Told(1), setup={"tell": True}) as fleet:
        first, second = fleet.map(items(b"")), fleet.map(items(b""))
        fleet.unload()
        third = fleet.map(items(b""))
    assert first == second != third


def test_out_of_memory_halves_the_batch_on_the_same_device(
    fleet_on: Callable[..., Fleet], heard: list[Event], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEST_CAPACITIES", "gpu0=40")
    monkeypatch.setenv("TEST_BATCHES", str(tmp_path / "batches"))
    payloads = plain(24)
    with fleet_on(Told(1)) as fleet:
        assert fleet.map(items(*payloads)) == hashes(payloads)
    assert names(heard, events.Retried)
    assert not names(heard, events.WorkerLost)
    first, *later = [int(line.split()[1]) for line in (tmp_path / "batches").read_text().splitlines()]
    assert first == 10
    assert later[0] == 5
    assert max(later[1:]) <= 4, "what did not fit is not tried at that size again"


def test_what_fits_on_no_card_goes_to_another_card_and_then_to_the_cpu(
    fleet_on: Callable[..., Fleet], heard: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_CAPACITIES", "gpu0=5,gpu1=5,gpu2=5")
    with fleet_on(Told(3)) as fleet:
        assert fleet.map(items(b"large")) == hashes([b"large"])
        assert set(fleet.totals) == {"cpu"}
    assert names(heard, events.Retried) == ["gpu0", "gpu1"], "two cards, and not a third"
    assert "out of memory on gpu0, gpu1" in next(event.reason for event in heard if isinstance(event, events.FellBack))


def test_what_fits_nowhere_fails_alone(fleet_on: Callable[..., Fleet], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_CAPACITIES", "gpu0=15,gpu1=15,cpu=15")
    work = items(*plain(10))
    work[3] = items(*plain(4), weight=20)[3]
    with fleet_on(Told(2)) as fleet:
        answers = fleet.map(work)
    assert isinstance(answers[3], ItemError)
    assert sorted(answers[3].message.removeprefix("out of memory on ").split(", ")) == ["cpu", "gpu0", "gpu1"]
    assert answers[:3] + answers[4:] == hashes(plain(3) + plain(10)[4:])


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("abort", "SIGABRT"),
        ("segfault", "SIGSEGV"),
        ("exit", "exit status 3"),
        ("ruin_the_card", "illegal memory access"),
        ("send_rubbish", "what is no answer"),
    ],
)
def test_the_one_item_that_ends_workers_is_found_and_fails_alone(
    fleet_on: Callable[..., Fleet], heard: list[Event], fault: str, words: str
) -> None:
    payloads = plain(40)
    payloads[17] = f"!{fault}".encode()
    with fleet_on(Told(2)) as fleet:
        answers = fleet.map(items(*payloads))
    poisoned = answers.pop(17)
    assert isinstance(poisoned, ItemError)
    assert poisoned.key == "17"
    assert words in poisoned.message
    assert answers == hashes(payloads[:17] + payloads[18:])
    assert not names(heard, events.Benched), "the text was to blame, not the devices"


def test_an_item_that_fails_without_ending_its_worker_costs_no_worker(
    fleet_on: Callable[..., Fleet], heard: list[Event]
) -> None:
    payloads = plain(20)
    payloads[4] = b"!stumble"
    with fleet_on(Told(2)) as fleet:
        answers = fleet.map(items(*payloads))
    poisoned = answers.pop(4)
    assert isinstance(poisoned, ItemError)
    assert "ValueError: a text that the model does not like" in poisoned.message
    assert answers == hashes(payloads[:4] + payloads[5:])
    assert not names(heard, events.WorkerLost)
    assert not names(heard, events.Benched)


@pytest.mark.parametrize("trouble", [b"fail", b"die"])
def test_answers_that_came_before_the_trouble_count(
    fleet_on: Callable[..., Fleet], heard: list[Event], trouble: bytes
) -> None:
    payloads = plain(10)
    payloads[2] = trouble
    with fleet_on(Told(1), target="streamer", batch_tokens=1600) as fleet:
        parts = list(fleet.answers(items(*payloads)))
    answers = {key: answer for part in parts for key, answer in part.items()}
    assert sum(map(len, parts)) == 10
    assert isinstance(answers.pop("2"), ItemError)
    assert answers == {str(n): answer for n, answer in enumerate(hashes(payloads)) if n != 2}
    assert all(event.items <= 3 for event in heard if isinstance(event, events.Retried)), "the first two and itself"


def test_a_worker_that_answers_one_by_one_stays_and_all_its_work_counts(
    fleet_on: Callable[..., Fleet], heard: list[Event]
) -> None:
    with fleet_on(Told(1), target="streamer", batch_tokens=1600) as fleet:
        for _ in range(10):
            assert fleet.map(items(*plain(3))) == hashes(plain(3))
        assert fleet.totals["gpu0"].items == 30
    assert names(heard, events.WorkerStarted) == ["gpu0"]
    assert sum(event.items for event in heard if isinstance(event, events.Worked)) == 30


def test_a_worker_without_work_leaves_and_gives_its_device_back(
    fleet_on: Callable[..., Fleet], heard: list[Event]
) -> None:
    with fleet_on(Told(1), setup={"tell": True}, idle_s=0.2) as fleet:
        (first,) = fleet.map(items(b"a"))
        assert isinstance(first, bytes)
        worker = int(first.split()[-1])
        while state_of(worker) != "Z":
            time.sleep(0.02)
        assert fleet.map(items(b"b")) != [first]
    assert names(heard, events.WorkerStarted) == ["gpu0", "gpu0"]
    assert not names(heard, events.WorkerLost)
    assert not names(heard, events.Retried)


def test_two_poisonous_items_are_both_found(fleet_on: Callable[..., Fleet]) -> None:
    payloads = plain(30)
    payloads[2], payloads[29] = b"!abort", b"!exit"
    with fleet_on(Told(1)) as fleet:
        answers = fleet.map(items(*payloads))
    assert [n for n, answer in enumerate(answers) if isinstance(answer, ItemError)] == [2, 29]


@pytest.mark.parametrize("hang", ["sleep", "hold_the_gil"])
def test_a_worker_that_hangs_is_ended_at_its_deadline(
    fleet_on: Callable[..., Fleet], heard: list[Event], hang: str
) -> None:
    payloads = [*plain(8), f"!{hang}@gpu0".encode()]
    with fleet_on(Told(2), patience=SHORT) as fleet:
        assert fleet.map(items(*payloads)) == hashes(payloads)
    assert "hangs" in next(event.reason for event in heard if isinstance(event, events.WorkerLost))


def test_an_idle_worker_that_gives_no_sign_of_life_is_replaced(
    fleet_on: Callable[..., Fleet], heard: list[Event]
) -> None:
    with fleet_on(Told(1), patience=replace(SHORT, batch_s=60)) as fleet:
        fleet.map(items(b"a"))
        (worker,) = workers_of(os.getpid())
        os.kill(worker, signal.SIGSTOP)
        fleet.map([])  # hears what it said before
        time.sleep(SHORT.silence_s + 0.1)
        assert fleet.map(items(b"b")) == hashes([b"b"])
    assert "no sign of life" in next(event.reason for event in heard if isinstance(event, events.WorkerLost))
    assert not names(heard, events.Retried)


def test_a_library_that_keeps_the_interpreter_to_itself_does_not_hang_before_its_deadline(
    fleet_on: Callable[..., Fleet], heard: list[Event]
) -> None:
    """Loading gives no sign of life either, and may take longer than an idle worker may be silent."""
    patience = Patience(start_s=60, batch_s=60, silence_s=0.5)
    with fleet_on(Told(1), setup={"load_s": 0.9 * HEARTBEAT_S}, patience=patience) as fleet:
        assert fleet.map(items(b"a")) == hashes([b"a"])
    assert not names(heard, events.WorkerLost)


def test_a_device_that_fails_over_harmless_work_is_benched_after_three_strikes(
    fleet_on: Callable[..., Fleet], heard: list[Event], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEST_BATCHES", str(tmp_path / "batches"))
    monkeypatch.setenv("TEST_AFTER", "gpu1 3 gpu0")  # or it has done everything before the other failed so often
    payloads = [b"!abort@gpu0"] * 60
    with fleet_on(Told(2)) as fleet:
        assert fleet.map(items(*payloads)) == hashes(payloads)
        assert set(fleet.totals) == {"gpu1"}
    assert names(heard, events.Benched) == ["gpu0"]


def test_a_machine_whose_only_card_fails_goes_on_with_the_cpu(
    fleet_on: Callable[..., Fleet], heard: list[Event]
) -> None:
    payloads = [b"!abort@gpu0"] * 12
    with fleet_on(Told(1)) as fleet:
        assert fleet.map(items(*payloads)) == hashes(payloads)
        assert set(fleet.totals) == {"cpu"}
    assert names(heard, events.Benched) == ["gpu0"]
    assert any(isinstance(event, events.FellBack) for event in heard)


def test_a_card_that_cannot_load_its_model_is_benched(fleet_on: Callable[..., Fleet], heard: list[Event]) -> None:
    payloads = plain(20)
    with fleet_on(Told(2), setup={"unloadable_on": ["GPU-0"]}) as fleet:
        assert fleet.map(items(*payloads)) == hashes(payloads)
        assert set(fleet.totals) == {"gpu1"}
    lost = [event.reason for event in heard if isinstance(event, events.WorkerLost)]
    assert "RuntimeError: no model on GPU-0" in lost


def test_a_model_that_says_itself_that_it_cannot_be_loaded_is_tried_once_a_device(
    fleet_on: Callable[..., Fleet], heard: list[Event]
) -> None:
    with (
        fleet_on(Told(2), setup={"damaged": True}) as fleet,
        pytest.raises(DeviceUnavailableError, match="the model's file is cut off") as caught,
    ):
        fleet.map(items(b"a"))
    assert caught.value.hint == "get it again"
    assert sorted(names(heard, events.WorkerLost)) in (["cpu", "gpu0", "gpu1"], ["cpu", "gpu0"])


def test_a_model_that_no_device_can_load_ends_the_run_with_the_reason(fleet_on: Callable[..., Fleet]) -> None:
    with (
        fleet_on(Told(1), setup={"unloadable_on": ["GPU-0", ""]}) as fleet,
        pytest.raises(DeviceUnavailableError, match="no model on the CPU") as caught,
    ):
        fleet.map(items(*plain(5)))
    assert caught.value.exit_code is ExitCode.UNAVAILABLE
    assert caught.value.hint


class Scripted(Told):
    """Devices that change at the given looks, which are counted from 1."""

    def __init__(self, cards: int, script: dict[int, Callable[[Told], None]]) -> None:
        super().__init__(cards)
        self._script = script
        self._looks = 0

    def judge(self) -> Any:
        self._looks += 1
        self._script.get(self._looks, lambda _told: None)(self)
        return super().judge()


def test_a_hot_card_gets_no_more_work_until_it_has_cooled(
    fleet_on: Callable[..., Fleet], heard: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_TOKEN_S", "0.001")
    devices = Scripted(
        2, {6: lambda told: told.say("gpu0", eligible=False), 12: lambda told: told.say("gpu0", eligible=True)}
    )
    payloads = plain(200)
    with fleet_on(devices) as fleet:
        assert fleet.map(items(*payloads)) == hashes(payloads)
    assert [event for event in heard if isinstance(event, events.Rested | events.Resumed)] == [
        events.Rested("gpu0", "80 °C"),
        events.Resumed("gpu0"),
    ]
    assert names(heard, events.WorkerStarted).count("gpu0") == 1, "its model stays"


def test_the_work_of_a_lost_card_goes_to_the_others(fleet_on: Callable[..., Fleet], heard: list[Event]) -> None:
    gone = {5: lambda told: told.say("gpu0", eligible=False, reason="fell off the bus", lost=True)}
    payloads = [b"!sleep@gpu0"] * 10
    with fleet_on(Scripted(2, gone)) as fleet:
        assert fleet.map(items(*payloads)) == hashes(payloads)
    assert [event for event in heard if isinstance(event, events.WorkerLost)] == [
        events.WorkerLost("gpu0", "the card is lost")
    ]
    assert not names(heard, events.Benched)


def test_the_cpu_takes_over_when_no_card_may_work_for_long_and_gives_back(
    fleet_on: Callable[..., Fleet], heard: list[Event]
) -> None:
    devices = Told(1)
    devices.say("gpu0", eligible=False)
    with fleet_on(devices) as fleet:
        assert fleet.map(items(*plain(5))) == hashes(plain(5))
        assert set(fleet.totals) == {"cpu"}
        assert heard[0] == events.FellBack("no card could take the work for 0.2 s")
        devices.say("gpu0", eligible=True)
        time.sleep(0.1)
        assert fleet.map(items(*plain(5))) == hashes(plain(5))
        assert fleet.totals["gpu0"].items == 5


class Cooling(Told):
    """A card that may work again some looks after another device was benched."""

    _looks: int | None = None

    def bench(self, device: Device, reason: str) -> None:
        self._looks = 0

    def judge(self) -> Sequence[Verdict]:
        if self._looks is not None:
            self._looks += 1
            if self._looks == 5:
                self.say("gpu0", eligible=True)
        return super().judge()


def test_cards_that_rest_are_waited_for_when_the_cpu_cannot_do_the_work(
    fleet_on: Callable[..., Fleet], heard: list[Event]
) -> None:
    devices = Cooling(1)
    devices.say("gpu0", eligible=False)
    with fleet_on(devices, setup={"unloadable_on": [""]}, cool_down_s=0.1) as fleet:
        assert fleet.map(items(b"a")) == hashes([b"a"])
    assert names(heard, events.Benched) == ["cpu"]


def test_a_run_that_is_interrupted_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    heard: list[Event] = []

    def interrupt_once(event: Event) -> None:
        heard.append(event)
        if len(heard) == 1:
            raise KeyboardInterrupt

    job = Job("misbehaving_worker:answerer", {}, "run-1", tmp_path / "workers.log")
    with Fleet(job, Told(2), interrupt_once, batch_tokens=100) as fleet:
        with pytest.raises(KeyboardInterrupt):
            fleet.map(items(*plain(20)))
        assert fleet.map(items(*plain(3))) == hashes(plain(3))
