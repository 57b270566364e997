"""What workers do in the fleet's tests: they answer with hashes, and break down as their payloads say.

A payload such as `!abort` has its worker do that; `!abort@gpu1` only on that device.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ragfactory.context.prompt import Completion
from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def answerer(setup: dict[str, Any], backend: str) -> Callable[[Sequence[bytes]], list[bytes]]:
    """Answers with the SHA-256 of a payload; `tell` has it answer with what its process sees instead."""
    time.sleep(setup.get("load_s", 0))
    card = os.environ["CUDA_VISIBLE_DEVICES"]
    if card in setup.get("unloadable_on", ()):
        raise RuntimeError(f"no model on {card or 'the CPU'}")
    if setup.get("damaged"):
        raise ModelUnavailableError("the model's file is cut off", hint="get it again")
    if setup.get("tell"):
        seen = f"{backend} {card} {os.environ['RAGFACTORY_WORKER']} {os.getpid()}".encode()
        return lambda payloads: [seen] * len(payloads)
    return lambda payloads: [hashlib.sha256(payload).digest() for payload in payloads]


def streamer(_setup: dict[str, Any], _backend: str) -> Callable[[Sequence[bytes]], Iterator[tuple[int, bytes]]]:
    """Answers as `answerer` does, one payload after the other, the last first; at `fail` it raises, and at `die` it dies."""

    def answer(payloads: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
        for position in reversed(range(len(payloads))):
            if payloads[position] == b"fail":
                raise ValueError("a text that the model does not like")
            if payloads[position] == b"die":
                os._exit(3)
            yield position, hashlib.sha256(payloads[position]).digest()

    return answer


def fault(device: str, payloads: list[bytes], tokens: int) -> None:
    """The hook: do what the payloads ask for, after the memory that the device has was looked at."""
    note_batch(device, payloads)
    await_batches(device)
    capacities = dict(pair.split("=") for pair in os.environ.get("TEST_CAPACITIES", "").split(",") if pair)
    if tokens > int(capacities.get(device, tokens)):
        raise MemoryError(f"{tokens} tokens on {device}")
    time.sleep(tokens * float(os.environ.get("TEST_TOKEN_S", "0")))
    for payload in payloads:
        if payload.startswith(b"!"):
            what, _, where = payload[1:].decode().partition("@")
            if where in {"", device}:
                FAULTS[what.partition(" ")[0]]()


def note_batch(device: str, payloads: list[bytes]) -> None:
    if path := os.environ.get("TEST_BATCHES"):
        with Path(path).open("a", encoding="ascii") as file:
            file.write(f"{device} {len(payloads)}\n")


def await_batches(device: str) -> None:
    """With `gpu1 3 gpu0` in TEST_AFTER, gpu1 does nothing before gpu0 was given three batches."""
    waits, count, other = os.environ.get("TEST_AFTER", "nobody 0 nobody").split()
    if device == waits:
        while Path(os.environ["TEST_BATCHES"]).read_text(encoding="ascii").count(f"{other} ") < int(count):
            time.sleep(0.01)


def segfault() -> None:
    ctypes.string_at(0)


def hold_the_gil() -> None:
    ctypes.PyDLL(None).sleep(600)


def ruin_the_card() -> None:
    raise RuntimeError("CUDA error: an illegal memory access was encountered")


def stumble() -> None:
    raise ValueError("a text that the model does not like")


def send_rubbish() -> None:
    """A frame that promises a header of four bytes, on the socket to the parent, whose descriptor is the first argument."""
    os.write(int(sys.argv[1]), b"\x04\0\0\0" + bytes(8) + b"}{}{")
    time.sleep(600)


FAULTS: dict[str, Callable[[], None]] = {
    "abort": os.abort,
    "segfault": segfault,
    "exit": lambda: os._exit(3),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "sleep": lambda: time.sleep(600),
    "hold_the_gil": hold_the_gil,
    "ruin_the_card": ruin_the_card,
    "stumble": stumble,
    "send_rubbish": send_rubbish,
}


def dying_reader(
    _setup: dict[str, Any], _device: str, tell: Callable[[str], None]
) -> Callable[[Sequence[bytes]], list[bytes]]:
    """Writes an answer that somebody reads along with, and dies in the middle of it, the first time."""

    def answer(payloads: Sequence[bytes]) -> list[bytes]:
        died = Path(tempfile.gettempdir()) / "died"
        tell("The pump")
        if not died.exists():
            died.touch()
            os.abort()
        tell(" broke.")
        return [orjson.dumps(Completion("The pump broke.")) for _ in payloads]

    return answer
