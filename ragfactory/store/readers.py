"""Who reads a version: a reader holds a shared lock on its manifest, and what is held is not pruned.

Locks are those of flock(2): they belong to an open file, so two readers of one process are two holders, and the kernel drops the
lock of a reader that died.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Self

from ragfactory.store.layout import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What flock(2) answers where the file system has no locks. No writer can take LOCK there either, so nothing is ever pruned.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


class Hold:
    """A version that is being read: its folder keeps its number until this is closed."""

    def __init__(self, directory: Path, locked: BinaryIO) -> None:
        self.directory = directory
        self._locked = locked

    def close(self) -> None:
        """Let go of the version."""
        self._locked.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def hold(directory: Path) -> Hold:
    """Hold a version for reading. Raises FileNotFoundError when it is not there, or went while this waited for it."""
    path = directory / MANIFEST
    manifest = path.open("rb")
    try:
        _lock_shared(manifest.fileno())
        _refuse_replaced(path, manifest.fileno())
    except BaseException:
        manifest.close()
        raise
    return Hold(directory, manifest)


@contextmanager
def shut_out_readers(directory: Path) -> Iterator[bool]:
    """Whether nobody reads a version; if so, nobody begins to before this is left.

    A reader that comes meanwhile waits, and then finds what became of the version.
    """
    try:  # a network file system gives this lock only to who could write
        descriptor = os.open(directory / MANIFEST, os.O_RDWR)
    except FileNotFoundError:  # the rest of a version that somebody began to remove
        yield True
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _lock_shared(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _refuse_replaced(path: Path, descriptor: int) -> None:
    if not os.path.samestat(os.fstat(descriptor), path.stat()):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
