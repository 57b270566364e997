"""SHA-256 of files that are too large to be read each time: remembered on disk while their size and time stand."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from pathlib import Path
from typing import Any

import orjson


def remembered_sha256(file: Path, memory: Path) -> str:
    """The file's SHA-256 (hex), from the file `memory` while its size and modification time stand."""
    status = file.stat()
    key = f"{file.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    known = _read(memory)
    if key not in known:
        known[key] = sha256(file)
        _write(memory, known)
    return str(known[key])


def sha256(file: Path) -> str:
    """The SHA-256 (hex) of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read(memory: Path) -> dict[str, Any]:
    try:
        known = orjson.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(memory: Path, known: dict[str, Any]) -> None:
    # A folder that cannot be written costs the next run a second look at the file, nothing else.
    with contextlib.suppress(OSError):
        memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=memory.parent, delete=False) as stream:
            stream.write(orjson.dumps(known))
        Path(stream.name).replace(memory)
