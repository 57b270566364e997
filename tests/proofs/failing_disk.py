"""A double of the disk under a folder: from some write on it answers with an error, whatever the write is."""

from __future__ import annotations

import builtins
import io
import itertools
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

WRITING = os.O_WRONLY | os.O_RDWR
ON_FILES = ("fsync", "pwrite", "write", "ftruncate")
ON_NAMES = ("link", "mkdir", "rename", "replace")


def refuse_writes(folder: Path, number: int, call: int, *, once: bool) -> None:
    """From now on, for good, let this process's `call`-th write under `folder` fail with that errno, and all after it unless `once`.

    Opening a file to write counts, so do bytes that leave Python's buffers, links, renames and fsync. What libraries write by
    themselves does not come by here.
    """
    counter = itertools.count(1)

    def write() -> None:
        n = next(counter)
        if n == call or (n > call and not once):
            raise OSError(number, os.strerror(number))

    class File(io.FileIO):
        def write(self, data: Any) -> int:
            write()
            return super().write(data)

    def is_inside(path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and Path(path).is_relative_to(folder)

    def open_file(path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if not is_inside(path) or "b" not in mode or not set(mode) & set("wax+"):
            return plain_open(path, mode, *arguments, **options)
        write()
        raw = File(path, mode.replace("b", ""), opener=options.get("opener"))
        return io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)

    def open_descriptor(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & WRITING and is_inside(path):
            write()
        return plain_os_open(path, flags, *arguments, **options)

    def guarded(function: Callable[..., Any], counts: Callable[[Any], bool]) -> Callable[..., Any]:
        def call_it(first: Any, *arguments: Any, **options: Any) -> Any:
            if counts(first):
                write()
            return function(first, *arguments, **options)

        return call_it

    plain_open, plain_os_open = io.open, os.open
    builtins.open = io.open = open_file
    os.open = open_descriptor
    for name in ON_FILES:
        setattr(os, name, guarded(getattr(os, name), lambda _: True))
    for name in ON_NAMES:
        setattr(os, name, guarded(getattr(os, name), is_inside))
