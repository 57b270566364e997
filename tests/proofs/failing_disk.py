"""A double of the disk under a folder: from some write on it answers with an error, whatever the write is."""

from __future__ import annotations

import builtins
import io
import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ON_FILES = ("fsync", "pwrite", "write", "ftruncate")
ON_NAMES = ("link", "mkdir", "rename", "replace")
WRITING = os.O_WRONLY | os.O_RDWR
STAMPS = ".verified.json."  # what the temporary file of the stamps is called, up to its process


class FailingDisk:
    """Lets the `call`-th write under a folder fail with an errno, and all after it, or that one alone (`once`).

    Opening a file to write counts, so do bytes that leave Python's buffers, links, renames and fsync. What libraries write by
    themselves does not come by here. Stamps of verified files have no number, or the others' would depend on the time: these
    are written when the files were at rest for two seconds. A disk that is full refuses them too.
    """

    def __init__(self, folder: Path, number: int, call: int, *, once: bool) -> None:
        self._folder = folder
        self._number = number
        self._call = call
        self._once = once
        self._writes = itertools.count(1)
        self._is_full = False
        self._open, self._os_open = io.open, os.open

    def take_over(self) -> None:
        """Stand in for the disk, for as long as this process lives."""
        builtins.open = io.open = self.open
        os.open = self.os_open
        for name in ON_FILES:
            setattr(os, name, self._guarded(getattr(os, name), lambda _: True))
        for name in ON_NAMES:
            setattr(os, name, self._guarded(getattr(os, name), self._is_inside))

    def count(self, path: Any) -> None:
        """Take note of a write, to a file of that path where it is known, and refuse it when its turn has come."""
        if isinstance(path, str | os.PathLike) and Path(path).name.startswith(STAMPS):
            is_due = False
        else:
            n = next(self._writes)
            is_due = n == self._call
            self._is_full |= n >= self._call and not self._once
        if is_due or self._is_full:
            raise OSError(self._number, os.strerror(self._number))

    def open(self, path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        """What `open` is meanwhile."""
        if not self._is_inside(path) or "b" not in mode or not set(mode) & set("wax+"):
            return self._open(path, mode, *arguments, **options)
        self.count(path)
        raw = _File(self, path, mode.replace("b", ""), opener=options.get("opener"))
        return io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)

    def os_open(self, path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        """What `os.open` is meanwhile."""
        if flags & WRITING and self._is_inside(path):
            self.count(path)
        return self._os_open(path, flags, *arguments, **options)

    def _is_inside(self, path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and Path(path).is_relative_to(self._folder)

    def _guarded(self, function: Callable[..., Any], counts: Callable[[Any], bool]) -> Callable[..., Any]:
        def call_it(first: Any, *arguments: Any, **options: Any) -> Any:
            if counts(first):
                self.count(first)
            return function(first, *arguments, **options)

        return call_it


class _File(io.FileIO):
    """An unbuffered file on the failing disk."""

    def __init__(self, disk: FailingDisk, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._disk = disk

    def write(self, data: Any) -> int:
        self._disk.count(self.name)
        return super().write(data)
