"""What the NVIDIA driver says of the cards of this machine, asked in a way that a broken driver cannot stop.

It asks the driver alone (NVML): CUDA is not started, so looking holds no memory of a card and works beside workers that do.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pynvml

from ragfactory.fleet.model import Box, Card, CardProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEADLINE_S = 10.0
SILENT = Box(problem="the NVIDIA driver does not answer")

_MIB = 2**20
_UNTOLD = (
    pynvml.NVML_ERROR_NOT_SUPPORTED,
    pynvml.NVML_ERROR_NO_PERMISSION,
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
    pynvml.NVML_ERROR_NO_DATA,
)


@contextmanager
def open_driver(deadline_s: float = DEADLINE_S) -> Iterator[Driver]:
    """A driver to look at the cards with; a look takes `deadline_s` seconds at most."""
    driver = Driver(deadline_s)
    try:
        yield driver
    finally:
        driver.close()


class Driver:
    """Looks at the cards, in a thread of its own: a call that hangs is left behind, and does not keep the program from ending."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._looks: SimpleQueue[Future[Box] | None] = SimpleQueue()
        self._last: Future[Box] | None = None
        threading.Thread(target=self._serve, name="driver", daemon=True).start()

    def look(self) -> Box:
        """All cards now. Whatever goes wrong is told in the `problem` of the box or of a card; a later look may do better.

        While an earlier look still hangs this does not wait again.
        """
        if self._last is not None and not self._last.done():
            return SILENT
        look = self._last = Future()
        self._looks.put(look)
        try:
            return look.result(self._deadline_s)
        except TimeoutError:
            return SILENT

    def close(self) -> None:
        """Let go of the driver, once it answers."""
        self._looks.put(None)

    def _serve(self) -> None:
        session = _Session()
        while (look := self._looks.get()) is not None:
            try:
                look.set_result(session.look())
            except BaseException as error:  # noqa: BLE001 - raised again where the look was asked for
                look.set_exception(error)
        session.end()


class _Session:
    """A connection to the driver, made when first needed and again after it broke."""

    def __init__(self) -> None:
        self._open = False
        self._names: dict[int, tuple[str, str]] = {}

    def look(self) -> Box:
        try:
            return self._look()
        except pynvml.NVMLError as error:
            self.end()
            if error.value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
                return Box(problem="there is no NVIDIA driver on this machine")
            return Box(problem=f"the NVIDIA driver does not work: {error}")

    def end(self) -> None:
        if self._open:
            self._open = False
            with suppress(pynvml.NVMLError):  # broken already
                pynvml.nvmlShutdown()

    def _look(self) -> Box:
        if not self._open:
            pynvml.nvmlInit()
            self._open = True
        count = pynvml.nvmlDeviceGetCount()
        return Box(
            driver=_told(pynvml.nvmlSystemGetDriverVersion),
            cuda=_cuda_version(),
            cards=tuple(self._card(index) for index in range(count)),
            problem=None if count else "the NVIDIA driver sees no card",
        )

    def _card(self, index: int) -> Card:
        """A card, or what is known of one that does not answer: its name from an earlier look."""
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            self._names[index] = _text(pynvml.nvmlDeviceGetUUID(handle)), _text(pynvml.nvmlDeviceGetName(handle))
            return _read(index, *self._names[index], handle)
        except pynvml.NVMLError as error:
            lost = error.value == pynvml.NVML_ERROR_GPU_IS_LOST
            problem = "lost: it fell off the bus" if lost else f"does not work: {error}"
            uuid, name = self._names.get(index, ("", "unknown card"))
            return Card(index, uuid, name, problem=problem)


def _read(index: int, uuid: str, name: str, handle: Any) -> Card:
    """Everything that a card tells. Raises NVMLError when it does not work, or does not tell its memory."""
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    utilization = _told(pynvml.nvmlDeviceGetUtilizationRates, handle)
    return Card(
        index=index,
        uuid=uuid,
        name=name,
        total_mb=memory.total // _MIB,
        used_mb=memory.used // _MIB,
        free_mb=memory.free // _MIB,
        temperature_c=_told(pynvml.nvmlDeviceGetTemperature, handle, pynvml.NVML_TEMPERATURE_GPU),
        limit_c=_told(pynvml.nvmlDeviceGetTemperatureThreshold, handle, pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN),
        utilization_pct=utilization and utilization.gpu,
        power_w=_watts(_told(pynvml.nvmlDeviceGetPowerUsage, handle)),
        power_limit_w=_watts(_told(pynvml.nvmlDeviceGetEnforcedPowerLimit, handle)),
        fan_pct=_told(pynvml.nvmlDeviceGetFanSpeed, handle),
        processes=_processes(handle),
    )


def _processes(handle: Any) -> tuple[CardProcess, ...]:
    """The processes that compute or draw on a card; one that does both is told once."""
    compute = _told(pynvml.nvmlDeviceGetComputeRunningProcesses_v3, handle) or []
    graphics = _told(pynvml.nvmlDeviceGetGraphicsRunningProcesses_v3, handle) or []
    used = {process.pid: process.usedGpuMemory for process in [*graphics, *compute]}
    return tuple(
        CardProcess(pid, _process_name(pid), None if size is None else size // _MIB)
        for pid, size in sorted(used.items())
    )


def _process_name(pid: int) -> str:
    """The name of its program, without folders and arguments."""
    with suppress(pynvml.NVMLError, UnicodeDecodeError):  # it ended, is hidden, or its file has a name that is no UTF-8
        command, _, _ = _text(pynvml.nvmlSystemGetProcessName(pid)).partition(" ")
        return PurePosixPath(command).name
    with suppress(OSError):
        return (Path("/proc") / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    return "unknown"


def _cuda_version() -> str | None:
    """The newest CUDA that the driver supports, such as 12.4."""
    number = _told(pynvml.nvmlSystemGetCudaDriverVersion_v2)
    return None if number is None else f"{number // 1000}.{number % 1000 // 10}"


def _told(ask: Callable[..., Any], *arguments: Any) -> Any:
    """What the driver answers; None where the card, the driver's age or our rights leave it untold. Raises any other NVMLError."""
    try:
        answer = ask(*arguments)
    except pynvml.NVMLError as error:
        if error.value in _UNTOLD:
            return None
        raise
    return _text(answer) if isinstance(answer, bytes) else answer


def _text(answer: str | bytes) -> str:
    """Text, which some releases of the bindings give as bytes."""
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer


def _watts(milliwatts: int | None) -> float | None:
    return None if milliwatts is None else milliwatts / 1000
