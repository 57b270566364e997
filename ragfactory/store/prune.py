"""Removing old versions: never the newest, the one that serves, or one that somebody reads.

A version loses its number by one rename before anything of it is deleted, so that a number always stands for a whole version, also
after a prune that was killed. The next one removes what that left.
"""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.store.durable import sync_dir
from ragfactory.store.lock import writer_lock
from ragfactory.store.readers import shut_out_readers
from ragfactory.store.verified import VerifiedFiles

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ragfactory.store.layout import IndexPaths

_PRUNED = ".pruned-"


@dataclass(frozen=True, slots=True)
class PruneResult:
    """What went and what stayed, as numbers of versions, ascending.

    `held` versions would have gone, but somebody reads them. `leftovers` are names of what killed runs had left, which went too.
    `freed` counts the bytes of files that no version has any more.
    """

    removed: tuple[int, ...]
    kept: tuple[int, ...]
    held: tuple[int, ...]
    leftovers: tuple[str, ...]
    freed: int


def prune(paths: IndexPaths, keep: int, *, dry_run: bool = False) -> PruneResult:
    """Remove all but the newest `keep` (1 or more) versions, the one that serves, and those that are read.

    With `dry_run` nothing changes, and the result says what would go. Raises LockedError when a writer is at work,
    DamagedIndexError when it cannot be told which version serves, OSError when the disk refuses.
    """
    with nullcontext() if dry_run else writer_lock(paths.lock):
        numbers = paths.version_numbers()
        kept = {*numbers[-keep:], paths.current_number()}
        old = [number for number in numbers if number not in kept]
        leftovers = sorted(_leftovers(paths))
        if dry_run:
            removed = [number for number in old if _is_unread(paths, number)]
            freed = _bytes_freed([*leftovers, *map(paths.version, removed)])
        else:
            freed = _delete(paths, leftovers)
            removed = [number for number in old if _take_number(paths, number)]
            sync_dir(paths.root)
            freed += _delete(paths, [_pruned(paths, number) for number in removed])
    return PruneResult(
        removed=tuple(removed),
        kept=tuple(number for number in numbers if number in kept),
        held=tuple(number for number in old if number not in removed),
        leftovers=tuple(path.name for path in leftovers),
        freed=freed,
    )


def _is_unread(paths: IndexPaths, number: int) -> bool:
    with shut_out_readers(paths.version(number)) as unread:
        return unread


def _take_number(paths: IndexPaths, number: int) -> bool:
    """Make a version one that is to be deleted, unless somebody reads it."""
    with shut_out_readers(paths.version(number)) as unread:
        if unread:
            paths.version(number).rename(_pruned(paths, number))
        return unread


def _pruned(paths: IndexPaths, number: int) -> Path:
    return paths.root / f"{_PRUNED}{number:06d}"


def _leftovers(paths: IndexPaths) -> Iterator[Path]:
    """What killed prunes and writers left. A reader's temporary file may be among it: that reader only saves no stamps."""
    yield from paths.root.glob(f"{_PRUNED}*")
    yield from paths.root.glob(".*.tmp")


def _delete(paths: IndexPaths, garbage: Iterable[Path]) -> int:
    """Delete folders and files, and say how many bytes that freed."""
    garbage = list(garbage)
    freed = _bytes_freed(garbage)
    verified = VerifiedFiles(paths)
    with verified.relinking(file for number in paths.version_numbers() for file in _files(paths.version(number))):
        for path in garbage:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    verified.save()
    return freed


def _bytes_freed(garbage: Iterable[Path]) -> int:
    """The bytes of all files whose last link is among `garbage`."""
    states = [state for path in garbage for state in _states(path)]
    links = Counter(state.st_ino for state in states)
    sizes = {state.st_ino: state.st_size for state in states if links[state.st_ino] == state.st_nlink}
    return sum(sizes.values())


def _states(path: Path) -> Iterator[os.stat_result]:
    for file in _files(path):
        with suppress(FileNotFoundError):  # a reader's temporary file got its name meanwhile
            yield file.stat()


def _files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
