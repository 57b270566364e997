"""llama-cpp-python's own HTTP server, and ragfactory's client for such servers asking it: the peer of a model in this process."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.enrich_ways import Rate, measured
from ragfactory.context.llama.library import SPIN_COUNT
from ragfactory.context.llama.planning import CPU
from ragfactory.context.prompt import Failure
from ragfactory.context.remote.protocols import Sampling
from ragfactory.context.remote.servers import Server
from ragfactory.context.remote.writer import RemoteModel
from ragfactory.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ragfactory.context.llama.planning import Plan
    from ragfactory.context.prompt import Prompt

PACKAGES = "starlette uvicorn fastapi sse-starlette starlette-context pydantic-settings"
_CONCURRENCY = 4  # ragfactory's default; that server answers one at a time, and has the next ones at hand
_START_S = 300.0


class NoServerError(Exception):
    """The server does not start; the message says why."""


def served(path: Path, device: str, documents: Sequence[Sequence[Prompt]], made: Plan, packages: Path | None) -> Rate:
    """Ragfactory over `http`. The CPU time is the server's and the client's. Raises NoServerError."""
    asked = [prompt for document in documents for prompt in document]
    with _started(path, device, made, packages) as (address, process):
        server = Server(Endpoint.parse(address), path.stem, kind="openai", concurrency=_CONCURRENCY, timeout_s=3600.0)
        model = RemoteModel([server], sampling=Sampling(max_tokens=made.answer))
        busy = _cpu_seconds(process)
        with measured() as spent:
            completions = [completion for _, completion in model.complete(enumerate(asked))]
        spent.cpu_seconds += _cpu_seconds(process) - busy
    written = 0
    for completion in completions:
        if isinstance(completion, Failure):
            raise NoServerError(f"it fails: {completion.reason}")
        written += completion.written
    return Rate("ragfactory, llama_cpp.server", len(asked), written, spent)


@contextmanager
def _started(
    path: Path, device: str, made: Plan, packages: Path | None
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The server's address and process, as soon as it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    threads = str(len(os.sched_getaffinity(0)))
    options = {
        "model": str(path),
        "host": "127.0.0.1",
        "port": str(port),
        "n_ctx": str(made.prompt + made.answer),
        "n_threads": threads,
        "n_threads_batch": threads,
        "n_gpu_layers": "0" if device == CPU else "-1",
        "flash_attn": str(made.flash),
        "verbose": "False",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    found = [str(packages.resolve())] if packages else []
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*found, os.environ.get("PYTHONPATH", "")])}
    environment.pop(SPIN_COUNT, None)  # ragfactory's choice, not that server's
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "llama_cpp.server", *words], stdout=said, stderr=said, env=environment
        )
        try:
            if not _answers(process, port):
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines()
                raise NoServerError(lines[-1] if lines else f"it does not answer within {_START_S:.0f} seconds")
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.terminate()
            process.wait()


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait for its first answer. False when it ended before that, or none comes."""
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/v1/models")
            return connection.getresponse().status == http.client.OK
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    return False


def _cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """How long cores were busy with it so far: utime and stime of proc(5)."""
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
