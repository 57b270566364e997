"""Writes that survive a crash: a temporary file in the same folder, fsync, replace, fsync the folder.

What an operating system promises after fsync differs; on the usual Linux file systems a rename that was followed by an fsync of its
folder is either wholly there or not at all, also after a power cut.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ragfactory.errors import NothingPublishedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What link(2) answers where a file system has no hard links, or none between these two places.
_NO_LINKS = frozenset(
    {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES}
)


def sync_file(path: Path) -> None:
    """Force a file's bytes to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_dir(path: Path) -> None:
    """Force a folder's entries to the disk: the names, not what the files hold."""
    sync_file(path)


def replace_file(path: Path, data: bytes, *, mode: int | None = None, durable: bool = True) -> None:
    """Put `data` at `path` in one step: a reader sees the old file or the new one, whatever happens.

    `mode` are the permissions, where the usual ones will not do. What need not be `durable` is not forced to the disk.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_dir(path.parent)


def link_or_copy(source: Path, target: Path) -> bool:
    """Give `source` a second name, or copy it where the file system has no hard links. True when it was linked."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(source, target)
        return False
    return True


def make_private_dirs(path: Path) -> None:
    """Create a folder and its missing parents, readable by their owner alone: an index holds the text of its documents."""
    missing = [parent for parent in (path, *path.parents) if not parent.exists()]
    for directory in reversed(missing):
        directory.mkdir(mode=0o700, exist_ok=True)
        sync_dir(directory.parent)


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def store_errors() -> Iterator[None]:
    """What the disk refuses to the store is an error that users can meet: raises NothingPublishedError."""
    try:
        yield
    except OSError as error:
        raise NothingPublishedError(
            f"the store cannot be written: {error}", hint="make room or mend the disk, then run this again"
        ) from error
