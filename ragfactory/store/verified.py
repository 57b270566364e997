"""Files that were hashed before and not touched since, so that opening a big version does not read all of it every time.

A stamp is a file's size, time of modification and time of change (ctime), by inode, with the hash that it had then. The system sets
ctime on every write and nobody can set it back, so a file whose stamp still fits holds the bytes that were hashed.
What a stamp cannot see is a disk that loses bits by itself: `index check --read-all` reads everything.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from pydantic import TypeAdapter, ValidationError

from ragfactory.store.durable import replace_file

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ragfactory.store.layout import IndexPaths

# A file that is written twice within one tick of the clock looks the same after the second write. So a stamp is only taken of a
# file that was at rest for longer than any file system's tick, as git does it.
_AT_REST_NS = 2 * 10**9


class Stamp(NamedTuple):
    """What a file looked like, times in nanoseconds, when its SHA-256 (hex) was `sha256`."""

    size: int
    mtime_ns: int
    ctime_ns: int
    sha256: str

    @classmethod
    def of(cls, status: os.stat_result, sha256: str) -> Stamp:
        """The stamp of a file in that state."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, sha256)


_STAMPS = TypeAdapter(dict[int, Stamp])


class VerifiedFiles:
    """The stamps of an index's files, kept in `verified.json`. It may be used by several threads."""

    def __init__(self, paths: IndexPaths) -> None:
        self._paths = paths
        self._stamps = _load(paths.verified)
        self._changed = False

    def knows(self, status: os.stat_result, sha256: str) -> bool:
        """Whether the file in this state is known to have this hash."""
        return self._stamps.get(status.st_ino) == Stamp.of(status, sha256)

    def note(self, status: os.stat_result, sha256: str, *, looked_at_ns: int) -> None:
        """Remember the hash of a file. Its state was taken at `looked_at_ns` since 1970, before it was read."""
        if looked_at_ns - status.st_ctime_ns >= _AT_REST_NS:
            self._put(status, sha256)

    @contextmanager
    def relinking(self, files: Iterable[Path]) -> Iterator[None]:
        """Let the stamps of `files` outlast links being made to them or taken away, which changes ctime and nothing else.

        What is written to a file meanwhile shows in its size or time of modification, and its stamp no longer fits. Only
        who sets that time back in the same moment escapes, so keep the moment short.
        """
        before = [(file, *known) for file in files if (known := self._lookup(file))]
        yield
        for file, inode, stamp in before:
            status = file.stat()
            same = Stamp.of(status, stamp.sha256)._replace(ctime_ns=stamp.ctime_ns) == stamp
            if same and status.st_ino == inode:
                self._put(status, stamp.sha256)

    def save(self) -> None:
        """Write the stamps of the files that are still there, if there are new ones.

        A cache that cannot be written, is lost or is damaged costs a second reading of files and nothing else, so that is no error.
        """
        if not self._changed:
            return
        with suppress(OSError):
            present = set(_inodes(self._paths))
            stamps = {n: stamp for n, stamp in sorted(self._stamps.items()) if n in present}
            replace_file(self._paths.verified, _STAMPS.dump_json(stamps), durable=False)
            self._changed = False

    def _lookup(self, file: Path) -> tuple[int, Stamp] | None:
        """The inode and the stamp of a file, if it has one that fits."""
        status = file.stat()
        stamp = self._stamps.get(status.st_ino)
        return (status.st_ino, stamp) if stamp and self.knows(status, stamp.sha256) else None

    def _put(self, status: os.stat_result, sha256: str) -> None:
        self._stamps[status.st_ino] = Stamp.of(status, sha256)
        self._changed = True


def _load(path: Path) -> dict[int, Stamp]:
    try:
        return _STAMPS.validate_json(path.read_bytes())
    except (OSError, ValidationError):  # see `save`
        return {}


def _inodes(paths: IndexPaths) -> Iterator[int]:
    for number in paths.version_numbers():
        for path in paths.version(number).rglob("*"):
            yield path.stat().st_ino
