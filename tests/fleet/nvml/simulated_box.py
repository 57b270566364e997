"""A box of cards that do not exist: writes the scenario of the simulated driver library, and puts that in the real one's place."""

from __future__ import annotations

import ctypes
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pynvml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

SONAME = "libnvidia-ml.so.1"
MIB = 2**20


def build_library(folder: Path) -> Path:
    """Compile the simulated library; gcc is needed."""
    library = folder / SONAME
    source = Path(__file__).with_name("simulated_nvml.c")
    flags = ["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-Wl,-soname,{SONAME}"]
    subprocess.run(["gcc", *flags, "-o", str(library), str(source)], check=True)
    return library


class _Told:
    """Facts that the driver tells, and calls that go wrong. Once `on_change` is set, every change is told to it."""

    on_change: Callable[[], None] | None = None
    troubles: tuple[str, ...] = ()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if self.on_change:
            self.on_change()

    def fail(self, call: str, code: int = pynvml.NVML_ERROR_UNKNOWN) -> None:
        """Let a call of the library return an error; on a card `*` is every call."""
        self.troubles = (f"fail {call} {code}", *self.troubles)

    def hang(self, call: str) -> None:
        """Let a call of the library hang until `recover`."""
        self.troubles = (f"hang {call}", *self.troubles)

    def recover(self) -> None:
        """Let every call work again."""
        self.troubles = ()


@dataclass
class SimulatedCard(_Told):
    """An RTX 3060 Ti at rest. Memory is in MiB, temperatures in degrees Celsius, power in watts; None is not told."""

    index: int
    uuid: str
    name: str = "NVIDIA GeForce RTX 3060 Ti"
    total_mb: int = 8192
    used_mb: int = 1
    temperature: int | None = 35
    limit: int | None = 93
    utilization: int | None = 0
    power: float | None = 12.0
    power_limit: float | None = 200.0
    fan: int | None = 0
    processes: tuple[str, ...] = ()

    def lose(self) -> None:
        """Fall off the bus."""
        self.fail("*", pynvml.NVML_ERROR_GPU_IS_LOST)

    def add_process(self, pid: int, used_mb: int | None = None, *, kind: str = "compute") -> None:
        """Let a process hold memory of the card; `kind` is compute or graphics."""
        self.processes = (*self.processes, f"{kind} {pid} {'-' if used_mb is None else used_mb * MIB}")
        self.used_mb += used_mb or 0

    def lines(self) -> Iterator[str]:
        """What the scenario says of it."""
        facts = {"temperature": self.temperature, "limit": self.limit, "utilization": self.utilization, "fan": self.fan}
        watts = {"power": self.power, "power_limit": self.power_limit}
        yield from (f"uuid {self.uuid}", f"name {self.name}", f"memory {self.total_mb * MIB} {self.used_mb * MIB}")
        yield from (f"{fact} {value}" for fact, value in facts.items() if value is not None)
        yield from (f"{fact} {value * 1000:.0f}" for fact, value in watts.items() if value is not None)
        yield from self.processes
        yield from self.troubles


@dataclass
class SimulatedBox(_Told):
    """A machine of eight cards, whose driver answers from `scenario`. Programs are named by process id."""

    scenario: Path
    driver: str | None = "550.54.14"
    cuda: int | None = 12040
    cards: list[SimulatedCard] = field(default_factory=list)
    programs: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.resize(8)
        self.on_change = self.write

    def resize(self, cards: int) -> None:
        """Have so many cards, all at rest."""
        self.cards = [SimulatedCard(i, f"GPU-{i}a7c3060-8192-4d5e-9f00-{i:012d}") for i in range(cards)]
        for card in self.cards:
            card.on_change = self.write

    def card(self, index: int) -> SimulatedCard:
        """A card, to be looked at and changed."""
        return self.cards[index]

    def name_process(self, pid: int, program: str) -> None:
        """Let the driver know a process by the path of its program."""
        self.programs = {**self.programs, pid: program}

    def install(self, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make it the machine's driver, for this process and those that it starts."""
        folders = [str(library.parent), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        monkeypatch.setenv("LD_LIBRARY_PATH", ":".join(folders))
        monkeypatch.setenv("SIMULATED_NVML", str(self.scenario))
        monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(library)))
        monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})

    def write(self) -> None:
        """Write the scenario; whoever reads it meanwhile reads a whole one."""
        draft = self.scenario.with_suffix(".draft")
        draft.write_text("".join(f"{line}\n" for line in self._lines()), encoding="utf-8", errors="surrogateescape")
        draft.replace(self.scenario)

    def _lines(self) -> Iterator[str]:
        yield f"cards {len(self.cards)}"
        yield from (f"{fact} {value}" for fact, value in {"driver": self.driver, "cuda": self.cuda}.items() if value)
        yield from (f"process {pid} {program}" for pid, program in self.programs.items())
        yield from self.troubles
        yield from (f"card {card.index} {line}" for card in self.cards for line in card.lines())
