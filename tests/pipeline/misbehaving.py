"""What children of the sandbox are asked to do in its tests: to behave, and to misbehave in every way a parser can."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import orjson

from ragfactory.errors import EncryptedDocumentError

if TYPE_CHECKING:
    from collections.abc import Callable


def answerer(setup: dict[str, Any]) -> Callable[[dict[str, Any]], bytes]:
    """The function that answers jobs: each names one of the actions below."""
    if setup.get("broken"):
        raise RuntimeError("this child never becomes ready")
    time.sleep(setup.get("start_s", 0))
    return lambda argument: ACTIONS[argument["do"]](argument)


def echo(argument: dict[str, Any]) -> bytes:
    return orjson.dumps(argument)


def chatter(argument: dict[str, Any]) -> bytes:
    print("a library that prints", flush=True)
    return echo(argument)


def tell_process(_argument: dict[str, Any]) -> bytes:
    return str(os.getpid()).encode()


def sleep(argument: dict[str, Any]) -> bytes:
    time.sleep(argument["seconds"])
    return echo(argument)


def abort(_argument: dict[str, Any]) -> bytes:
    os.abort()


def segfault(_argument: dict[str, Any]) -> bytes:
    return ctypes.string_at(0)


def die_while_answering(_argument: dict[str, Any]) -> bytes:
    os.write(int(sys.argv[1]), b"\x00\x00\x10\x00half")  # a header that promises 4096 bytes
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process does not go on")


def leave(_argument: dict[str, Any]) -> bytes:
    os._exit(3)


def ring(_argument: dict[str, Any]) -> bytes:
    signal.raise_signal(signal.SIGALRM)


def eat_memory(_argument: dict[str, Any]) -> bytes:
    return bytes(2**34)


def recurse(argument: dict[str, Any]) -> bytes:
    return recurse(argument)


def stumble(_argument: dict[str, Any]) -> bytes:
    raise ValueError("a bug of a parser")


def refuse(_argument: dict[str, Any]) -> bytes:
    raise EncryptedDocumentError("it asks for a password", hint="save it without one")


ACTIONS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    action.__name__: action
    for action in (
        echo,
        chatter,
        tell_process,
        sleep,
        abort,
        segfault,
        die_while_answering,
        leave,
        ring,
        eat_memory,
        recurse,
        stumble,
        refuse,
    )
}
