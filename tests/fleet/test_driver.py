"""The driver's view of a box: the real bindings over a simulated library, healthy, broken, and hanging."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pynvml
import pytest

from ragfactory.fleet.driver import SILENT, Driver, open_driver
from ragfactory.fleet.model import Card, CardProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.fleet.model import Box
    from tests.fleet.nvml.simulated_box import SimulatedBox

PATIENCE_S = 60.0


@pytest.fixture
def driver(simulated_box: SimulatedBox) -> Iterator[Driver]:
    with open_driver() as driver:
        yield driver


def test_eight_cards(driver: Driver, simulated_box: SimulatedBox) -> None:
    third = simulated_box.card(3)
    third.temperature, third.utilization, third.power, third.fan, third.used_mb = 61, 97, 187.5, 66, 2000
    box = driver.look()
    assert (box.driver, box.cuda, box.problem, len(box.cards)) == ("550.54.14", "12.4", None, 8)
    assert box.cards[3] == Card(
        index=3, uuid=third.uuid, name="NVIDIA GeForce RTX 3060 Ti", total_mb=8192, used_mb=2000, free_mb=6192,
        temperature_c=61, limit_c=93, utilization_pct=97, power_w=187.5, power_limit_w=200.0, fan_pct=66,
    )  # fmt: skip


def test_what_changes_is_seen(driver: Driver, simulated_box: SimulatedBox) -> None:
    assert driver.look().cards[3].temperature_c == 35
    simulated_box.card(3).temperature = 80
    assert driver.look().cards[3].temperature_c == 80


def test_what_a_card_does_not_tell(driver: Driver, simulated_box: SimulatedBox) -> None:
    card = simulated_box.card(0)
    card.temperature = card.limit = card.utilization = card.power = card.power_limit = card.fan = None
    card.fail("nvmlDeviceGetComputeRunningProcesses_v3", pynvml.NVML_ERROR_NO_PERMISSION)
    simulated_box.driver = simulated_box.cuda = None
    box = driver.look()
    assert (box.driver, box.cuda) == (None, None)
    seen = box.cards[0]
    assert (seen.problem, seen.free_mb, seen.processes) == (None, 8191, ())
    told = (seen.temperature_c, seen.limit_c, seen.utilization_pct, seen.power_w, seen.power_limit_w, seen.fan_pct)
    assert told == (None,) * 6


def test_processes_with_their_names(driver: Driver, simulated_box: SimulatedBox) -> None:
    card = simulated_box.card(1)
    own = subprocess.Popen(
        [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert own.stdout is not None
    own.stdout.readline()  # by now it has its own name
    simulated_box.name_process(41, "/opt/google/chrome/chrome --type=gpu-process")
    simulated_box.name_process(42, "/usr/bin/jeu\udce9")  # a name that is no UTF-8
    card.add_process(41, 120, kind="graphics")
    card.add_process(41, 300)  # the same one
    card.add_process(2**22 + 42, None)  # one that ended, and of a card that does not tell sizes
    card.add_process(own.pid, 2000)
    simulated_box.card(2).add_process(42, 1)
    box = driver.look()
    name = Path(f"/proc/{own.pid}/comm").read_text().strip()
    own.communicate()
    assert box.cards[1].processes == tuple(
        sorted(
            [
                CardProcess(41, "chrome", 300),
                CardProcess(2**22 + 42, "unknown", None),
                CardProcess(own.pid, name, 2000),
            ],
            key=lambda process: process.pid,
        )
    )
    assert [process.pid for process in box.cards[2].processes] == [42]


def test_a_lost_card_keeps_its_name_and_leaves_the_others_be(driver: Driver, simulated_box: SimulatedBox) -> None:
    before = driver.look()
    simulated_box.card(5).lose()
    box = driver.look()
    assert box.problem is None
    lost = before.cards[5]
    assert box.cards[5] == Card(5, lost.uuid, lost.name, problem="lost: it fell off the bus")
    assert [card for card in box.cards if card.index != 5] == [card for card in before.cards if card.index != 5]
    simulated_box.card(5).recover()
    assert driver.look() == before


def test_a_card_that_was_lost_from_the_start(driver: Driver, simulated_box: SimulatedBox) -> None:
    simulated_box.card(0).lose()
    box = driver.look()
    assert box.cards[0] == Card(0, "", "unknown card", problem="lost: it fell off the bus")
    assert box.cards[1].problem is None


@pytest.mark.parametrize(
    "call",
    [
        "nvmlDeviceGetUUID",
        "nvmlDeviceGetName",
        "nvmlDeviceGetMemoryInfo",
        "nvmlDeviceGetTemperature",
        "nvmlDeviceGetTemperatureThreshold",
        "nvmlDeviceGetUtilizationRates",
        "nvmlDeviceGetPowerUsage",
        "nvmlDeviceGetEnforcedPowerLimit",
        "nvmlDeviceGetFanSpeed",
        "nvmlDeviceGetComputeRunningProcesses_v3",
        "nvmlDeviceGetGraphicsRunningProcesses_v3",
    ],
)
def test_a_card_can_be_lost_or_break_at_any_call(call: str, driver: Driver, simulated_box: SimulatedBox) -> None:
    simulated_box.card(2).fail(call, pynvml.NVML_ERROR_GPU_IS_LOST)
    simulated_box.card(4).fail(call, pynvml.NVML_ERROR_UNKNOWN)
    problems = [card.problem for card in driver.look().cards]
    assert problems[2] == "lost: it fell off the bus"
    assert problems[4] == "does not work: Unknown Error"
    assert [problem for index, problem in enumerate(problems) if index not in {2, 4}] == [None] * 6


def test_a_card_that_does_not_tell_its_memory_cannot_be_used(driver: Driver, simulated_box: SimulatedBox) -> None:
    simulated_box.card(0).fail("nvmlDeviceGetMemoryInfo", pynvml.NVML_ERROR_NOT_SUPPORTED)
    assert driver.look().cards[0].problem == "does not work: Not Supported"


def test_no_card(driver: Driver, simulated_box: SimulatedBox) -> None:
    simulated_box.resize(0)
    box = driver.look()
    assert (box.driver, box.cards, box.problem) == ("550.54.14", (), "the NVIDIA driver sees no card")


def test_no_driver(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMULATED_NVML")
    box = driver.look()
    assert (box.driver, box.cards, box.problem) == (None, (), "there is no NVIDIA driver on this machine")


@pytest.mark.parametrize("call", ["nvmlInitWithFlags", "nvmlDeviceGetCount_v2", "nvmlSystemGetDriverVersion"])
def test_a_driver_that_breaks_is_told_and_can_be_mended(call: str, driver: Driver, simulated_box: SimulatedBox) -> None:
    simulated_box.fail(call, pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH)
    simulated_box.fail("nvmlShutdown", pynvml.NVML_ERROR_UNINITIALIZED)
    box = driver.look()
    assert box.cards == ()
    assert box.problem == "the NVIDIA driver does not work: RM has detected an NVML/RM version mismatch."
    simulated_box.recover()
    assert len(driver.look().cards) == 8


@pytest.mark.parametrize("call", ["nvmlInitWithFlags", "nvmlDeviceGetCount_v2"])
def test_a_driver_that_hangs_is_left_behind_until_it_answers(call: str, simulated_box: SimulatedBox) -> None:
    simulated_box.hang(call)
    with open_driver(deadline_s=0.2) as driver:
        assert driver.look() == SILENT
        assert driver.look() == SILENT
        simulated_box.recover()
        assert len(answer(driver).cards) == 8


def test_a_card_that_hangs(simulated_box: SimulatedBox) -> None:
    with open_driver(deadline_s=0.2) as driver:
        assert len(answer(driver).cards) == 8
        simulated_box.card(7).hang("nvmlDeviceGetTemperature")
        simulated_box.card(0).temperature = 50
        assert driver.look().problem == "the NVIDIA driver does not answer"
        simulated_box.card(7).recover()
        simulated_box.card(0).temperature = 51
        assert answer(driver).cards[0].temperature_c == 51, "what hung is not told as if it were new"


def answer(driver: Driver) -> Box:
    """What the driver says once it does."""
    end = time.monotonic() + PATIENCE_S
    while (box := driver.look()) == SILENT and time.monotonic() < end:
        time.sleep(0.01)
    return box


LOOKING = """
import sys
from ragfactory.fleet.driver import open_driver

with open_driver(float(sys.argv[1])) as driver:
    box = driver.look()
print(len(box.cards), box.problem, "torch" in sys.modules)
"""


def look_from_another_process(deadline_s: float) -> str:
    words = [sys.executable, "-c", LOOKING, str(deadline_s)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


def test_the_bindings_find_the_library_by_themselves(simulated_box: SimulatedBox) -> None:
    assert look_from_another_process(deadline_s=PATIENCE_S) == "8 None False"


def test_a_program_ends_while_the_driver_hangs(simulated_box: SimulatedBox) -> None:
    simulated_box.hang("nvmlDeviceGetCount_v2")
    assert look_from_another_process(deadline_s=0.2) == "0 the NVIDIA driver does not answer False"
