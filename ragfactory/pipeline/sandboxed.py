"""The inside of a sandbox: a process that takes a request, answers it, and leaves when its parent closes the connection."""

from __future__ import annotations

import importlib
import logging
import os
import resource
import signal
import sys
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import orjson

from ragfactory.errors import DocumentError, DocumentTooLargeError, RagfactoryError

if TYPE_CHECKING:
    from collections.abc import Callable

READY, ACCEPTED, REFUSED = b"=", b"+", b"-"  # the first byte of every message to the parent
_GRACE_S = 2.0  # past a job's time, which the parent keeps; should that be killed, the alarm ends the child

logger = logging.getLogger(__name__)


def serve(connection: Connection[bytes, bytes]) -> None:
    """Answer requests until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    logging.basicConfig(format="%(asctime)s %(process)d %(levelname)s %(message)s", level=logging.WARNING)
    start = orjson.loads(connection.recv_bytes())
    module, _, name = start["target"].partition(":")
    function = getattr(importlib.import_module(module), name)(start["setup"])
    resource.setrlimit(resource.RLIMIT_AS, (start["memory_mb"] * 2**20, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection.send_bytes(READY)
    while True:
        argument = orjson.loads(connection.recv_bytes())
        signal.setitimer(signal.ITIMER_REAL, start["seconds"] + _GRACE_S)
        answer = _answer(function, argument, start["log"])
        signal.setitimer(signal.ITIMER_REAL, 0)
        connection.send_bytes(answer)


def _answer(function: Callable[[dict[str, Any]], bytes], argument: dict[str, Any], log: str) -> bytes:
    try:
        return ACCEPTED + function(argument)
    except RagfactoryError as error:
        return _refuse(error)
    except MemoryError:
        return _refuse(
            DocumentTooLargeError(
                "it needs more memory than one file may use", hint="raise limits.memory_mb in config.toml"
            )
        )
    except RecursionError:
        return _refuse(DocumentTooLargeError("it is nested too deeply", hint="flatten the file"))
    except Exception as error:
        logger.exception("reading %s", argument)
        return _refuse(
            DocumentError(f"its parser failed: {type(error).__name__}: {error}", hint=f"{log} has the details")
        )


def _refuse(error: RagfactoryError) -> bytes:
    return REFUSED + orjson.dumps({"code": error.code, "message": error.message, "hint": error.hint})


if __name__ == "__main__":
    try:
        serve(Connection(int(sys.argv[1])))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os._exit(0)  # the parent is done with us, or gone; nothing here is worth an orderly end
