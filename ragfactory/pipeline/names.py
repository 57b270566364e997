"""Names of files as text that UTF-8 can hold, and the way back from there to the files."""

from __future__ import annotations

import os
from pathlib import Path


def printable_path(path: str) -> str:
    """A path as text that UTF-8 can hold: bytes of a name that are not UTF-8 become backslash escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def real_path(folder: Path, printable: str) -> Path | None:
    """The path below `folder` whose printable form this is; None when an escaped name in it is nowhere to be found.

    Whether the path exists is not said. Raises OSError when a folder has to be listed and cannot be.
    """
    found: Path | None = folder
    for name in Path(printable).parts:
        found = found and _entry(found, name)
    return found


def _entry(folder: Path, name: str) -> Path | None:
    path = folder / name
    if "\\" not in name or os.path.lexists(path):
        return path
    try:
        with os.scandir(folder) as entries:
            return next((folder / entry.name for entry in entries if printable_path(entry.name) == name), None)
    except (FileNotFoundError, NotADirectoryError):
        return None
