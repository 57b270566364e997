"""Checking a version from its manifest to its last row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.errors import DamagedIndexError
from ragfactory.store.consistency import find_disagreements
from ragfactory.store.damage import Damage, find_damage
from ragfactory.store.layout import MANIFEST
from ragfactory.store.lexical import LOCK_FILES
from ragfactory.store.readers import hold
from ragfactory.store.verified import VerifiedFiles
from ragfactory.store.version import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.store.layout import IndexPaths
    from ragfactory.store.records import Manifest


@dataclass(frozen=True, slots=True)
class VersionCheck:
    """What checking a version found: how many files of how many bytes it has, what is damaged, and `strangers`, no part of it."""

    number: int
    files: int
    bytes: int
    damage: tuple[Damage, ...]
    strangers: tuple[Path, ...]


def check_index(paths: IndexPaths, *, all_versions: bool = False, read_all: bool = False) -> list[VersionCheck]:
    """Check the version that serves, or all of them: sizes and hashes of their files, and that those agree with each other.

    A file that was hashed before and not touched since is read again only with `read_all`. Files are opened only when all hashes
    of their version are right. Raises DamagedIndexError when CURRENT names nothing.
    """
    current = paths.current_number()
    numbers = {current} if current is not None else set()
    if all_versions:
        numbers.update(paths.version_numbers())
    checks = [_check_version(paths, number, read_all=read_all) for number in sorted(numbers)]
    present = {*paths.version_numbers(), paths.current_number()}
    return [check for check in checks if check.number in present]  # others were pruned meanwhile


def _check_version(paths: IndexPaths, number: int, *, read_all: bool) -> VersionCheck:
    directory = paths.version(number)
    try:
        held = hold(directory)
    except OSError as error:
        return _unreadable(number, Damage(directory / MANIFEST, f"it cannot be opened: {error.strerror}"))
    with held:
        try:
            return _check_held(paths, directory, number, read_all=read_all)
        except DamagedIndexError as error:
            return _unreadable(number, Damage.told_by(error))


def _unreadable(number: int, damage: Damage) -> VersionCheck:
    """The result for a version that does not even say what it consists of."""
    return VersionCheck(number, files=0, bytes=0, damage=(damage,), strangers=())


def _check_held(paths: IndexPaths, directory: Path, number: int, *, read_all: bool) -> VersionCheck:
    manifest = read_manifest(directory)
    verified = None if read_all else VerifiedFiles(paths)
    damage = find_damage(directory, manifest, verified=verified) or find_disagreements(directory, manifest)
    return VersionCheck(
        number,
        files=len(manifest.files) + 1,
        bytes=sum(entry.bytes for entry in manifest.files.values()),
        damage=tuple(damage),
        strangers=tuple(_strangers(directory, manifest)),
    )


def _strangers(directory: Path, manifest: Manifest) -> list[Path]:
    """Files that the manifest does not name; what full text leaves when it is read is none of them."""
    files = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*") if not path.is_dir()}
    return [
        path
        for name, path in sorted(files.items())
        if name not in manifest.files and name != MANIFEST and path.name not in LOCK_FILES
    ]
