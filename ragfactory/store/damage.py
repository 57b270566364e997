"""Damage: files of a version that are not what its manifest says."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragfactory.errors import DamagedIndexError
from ragfactory.store.layout import IndexPaths
from ragfactory.store.verified import VerifiedFiles

if TYPE_CHECKING:
    from ragfactory.store.records import FileEntry, Manifest


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that is not what was written, and how it differs."""

    path: Path
    what: str

    @classmethod
    def told_by(cls, error: DamagedIndexError) -> Damage:
        """The damage that an error about one file tells of."""
        assert error.path, "an error about one file names it"
        return cls(Path(error.path), error.message.removeprefix(f"{error.path}: "))

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def damaged(path: Path, what: str) -> DamagedIndexError:
    """The error for a file right under a version's folder."""
    return DamagedIndexError(f"{path}: {what}", hint=IndexPaths(path.parent.parent).way_back, path=str(path))


def refuse_damage(paths: IndexPaths, directory: Path, manifest: Manifest, *, read_all: bool = True) -> None:
    """Raise DamagedIndexError when a file of a version is not what was written; without `read_all` only sizes are compared.

    A file that was hashed before and not touched since is not read again.
    """
    verified = VerifiedFiles(paths) if read_all else None
    if damage := find_damage(directory, manifest, read_all=read_all, verified=verified):
        first, *others = damage
        more = f" (and {len(others)} more)" if others else ""
        raise DamagedIndexError(f"{first}{more}", hint=paths.way_back, path=str(first.path))


def find_damage(
    directory: Path, manifest: Manifest, *, read_all: bool = True, verified: VerifiedFiles | None = None
) -> list[Damage]:
    """Every file of a version that is missing or is not what the manifest says, by name.

    Without `read_all` only sizes are compared. A file that `verified` knows is not read; what is read is added to it.
    """
    with ThreadPoolExecutor() as pool:  # hashing releases the interpreter's lock
        found = pool.map(
            lambda item: _damage(directory / item[0], item[1], read_all=read_all, verified=verified),
            manifest.files.items(),
        )
        damage = [entry for entry in found if entry]
    if verified is not None:
        verified.save()
    return damage


def _damage(path: Path, entry: FileEntry, *, read_all: bool, verified: VerifiedFiles | None) -> Damage | None:
    try:
        with path.open("rb") as file:
            now, status = time.time_ns(), os.fstat(file.fileno())
            if status.st_size != entry.bytes:
                return Damage(path, f"{entry.bytes} bytes expected, found {status.st_size}")
            if not read_all or (verified and verified.knows(status, entry.sha256)):
                return None
            if hashlib.file_digest(file, "sha256").hexdigest() != entry.sha256:
                return Damage(path, "the bytes are not those that were written (SHA-256 differs)")
    except OSError as error:
        return Damage(path, error.strerror or str(error))
    if verified is not None:
        verified.note(status, entry.sha256, looked_at_ns=now)
    return None
