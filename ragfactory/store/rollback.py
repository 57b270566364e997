"""Going back: an earlier version is made the one that serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.errors import DamagedIndexError, IndexNotFoundError
from ragfactory.store.damage import refuse_damage
from ragfactory.store.durable import replace_file
from ragfactory.store.lock import writer_lock
from ragfactory.store.version import no_such_version, read_manifest

if TYPE_CHECKING:
    from ragfactory.store.layout import IndexName, IndexPaths


@dataclass(frozen=True, slots=True)
class Rollback:
    """Which version serves now, and which did before: None when CURRENT named none."""

    serving: int
    before: int | None

    @property
    def changed(self) -> bool:
        """Whether another version serves than before."""
        return self.serving != self.before


def rollback(paths: IndexPaths, name: IndexName, number: int | None = None) -> Rollback:
    """Make a version serve, by default the one that the present one was built upon, or else the newest that is older.

    Sizes are compared with the version's manifest; its files are hashed when it is opened. Raises IndexNotFoundError when there is
    no such version, DamagedIndexError, LockedError, and OSError when the disk refuses.
    """
    with writer_lock(paths.lock):
        before = _current(paths) if number is not None else paths.current_number()
        if number is None:
            number = _earlier(paths, name, before)
        if number not in paths.version_numbers():
            raise no_such_version(paths, name, number)
        if number != before:
            directory = paths.version(number)
            refuse_damage(paths, directory, read_manifest(directory), read_all=False)
            replace_file(paths.current, f"{number:06d}\n".encode())
        return Rollback(serving=number, before=before)


def _current(paths: IndexPaths) -> int | None:
    try:
        return paths.current_number()
    except DamagedIndexError:  # going to a named version is a way out of that
        return None


def _earlier(paths: IndexPaths, name: IndexName, current: int | None) -> int:
    earlier = [number for number in paths.version_numbers() if current is not None and number < current]
    if current is None or not earlier:
        raise IndexNotFoundError(
            f"{name} has no version before the one that serves",
            hint="`ragfactory index rollback VERSION` goes to any version by its number",
        )
    try:
        parent = read_manifest(paths.version(current)).parent
    except DamagedIndexError:  # that may be why somebody goes back
        parent = None
    return parent if parent in earlier else earlier[-1]
