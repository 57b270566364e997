"""Is there room on the disk for what is to come?"""

from __future__ import annotations

import errno
import shutil
from typing import TYPE_CHECKING

from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

_LEFT_FREE = 64 * 2**20


def require_room(folder: Path, needed: int) -> None:
    """Raise ModelUnavailableError unless the disk of `folder` has room for so many bytes, and a little more."""
    free = shutil.disk_usage(folder).free
    if free < needed + _LEFT_FREE:
        raise no_room(folder, f"{needed / 1e6:,.0f} MB are needed and {free / 1e6:,.0f} MB are free")


def no_room(folder: Path, said: str) -> ModelUnavailableError:
    """The error of a disk that has no room."""
    return ModelUnavailableError(
        f"no room on the disk of {folder}: {said}",
        hint="make room, or have the models folder be a link to a larger disk; what is here already is kept, and the same"
        " command goes on from there",
        path=str(folder),
    )


def is_full(error: OSError) -> bool:
    """Whether a disk that is full, or a limit on its use, is what stopped a write."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}
