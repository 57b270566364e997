"""Finding the source files of a folder."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ragfactory.documents.registry import is_supported
from ragfactory.errors import UsageError
from ragfactory.pipeline.names import printable_path, real_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Source:
    """A file to take in: where it is, and its place below the root that was ingested.

    `root` and `doc_id`, the path below the root, are made printable; `path` is where the file really is.
    """

    root: str
    doc_id: str
    path: Path
    size: int
    mtime_ns: int

    @property
    def identity(self) -> tuple[str, str]:
        """(root, doc_id): what tells this source from every other."""
        return self.root, self.doc_id

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.doc_id.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file or folder below `root` that cannot be read, and why; `.` is the root itself."""

    root: str
    place: str
    reason: str

    def hides(self, root: str, doc_id: str) -> bool:
        """Whether that document may be there all the same, out of sight."""
        return root == self.root and (self.place in {".", doc_id} or doc_id.startswith(f"{self.place}/"))


@dataclass(slots=True)
class Scan:
    """What a look through the paths of a run found. Of the folders in `whole_roots`, those that are not there at all are `gone`."""

    sources: list[Source] = field(default_factory=list)
    whole_roots: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    named: set[tuple[str, str]] = field(default_factory=set)
    vanished: list[str] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)

    def sort(self) -> None:
        """Put the sources in order, each of them once."""
        unique = {source.identity: source for source in self.sources}
        self.sources = [unique[identity] for identity in sorted(unique)]

    def covers(self, identity: tuple[str, str]) -> bool:
        """Whether this scan would have found that source if it still existed."""
        root, doc_id = identity
        looked_for = root in self.whole_roots or identity in self.named
        return looked_for and not any(place.hides(root, doc_id) for place in self.unreadable)

    @property
    def roots(self) -> set[str]:
        """The folders that were looked through, and those of files that were looked for by name."""
        return self.whole_roots | {root for root, _ in self.named}


def refuse_missing(paths: Iterable[Path]) -> None:
    """Raise UsageError for a path that is not there."""
    for path in paths:
        _is_folder(_absolute(path))


def scan(paths: Sequence[Path], *, allow_missing: bool = False) -> Scan:
    """Look through folders and single files.

    Left out are hidden files and folders, and symbolic links that lead out of the folder or to a folder; files that no parser
    reads are counted by extension in `skipped`. Raises UsageError for a path that is not there; with
    `allow_missing` that is a folder with nothing in it.
    """
    found = Scan()
    for given in paths:
        path = _absolute(given)
        root = printable_path(str(path))
        if allow_missing and not os.path.lexists(path):
            found.whole_roots.add(root)
            found.gone.add(root)
        elif not _is_folder(path):
            found.named.add((printable_path(str(path.parent)), printable_path(path.name)))
            _take(path, str(path.parent), path.name, found)
        elif root not in found.whole_roots:
            found.whole_roots.add(root)
            _scan_folder(path, found)
    found.sort()
    return found


def scan_again(whole: Iterable[str], named: Iterable[tuple[str, str]]) -> Scan:
    """Look again through folders that were ingested before, and for files (root, doc_id) that were ingested by name.

    A folder that is not there any more is listed in `vanished`, and nothing is said of what was in it.
    """
    found = Scan()
    for root in whole:
        if folder := _find_folder(root):
            found.whole_roots.add(root)
            _scan_folder(folder, found)
        else:
            found.vanished.append(root)
    for root, doc_id in named:
        if folder := _find_folder(root):
            found.named.add((root, doc_id))
            _take_again(folder, root, doc_id, found)
        elif root not in found.vanished:
            found.vanished.append(root)
    found.sort()
    return found


def _find_folder(root: str) -> Path | None:
    """The folder of that printable path, if it is there."""
    try:
        folder = real_path(Path("/"), root)
    except OSError:
        return None
    return folder if folder and folder.is_dir() else None


def _take_again(folder: Path, root: str, doc_id: str, found: Scan) -> None:
    try:
        path = real_path(folder, doc_id)
    except OSError as error:
        found.unreadable.append(Unreadable(root, doc_id, error.strerror or str(error)))
        return
    if path and os.path.lexists(path):
        _take(path, root, doc_id, found)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - a link given by name is kept, `..` is not


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        place = printable_path(str(path))
        raise UsageError(
            f"{place}: {error.strerror or error}", hint="name an existing file or folder", path=place
        ) from error


def _scan_folder(root: Path, found: Scan) -> None:
    for directory, below in _walk(root, found):
        for entry in sorted(directory, key=lambda entry: entry.name):
            doc_id = f"{below}{entry.name}"
            if (
                not entry.name.startswith(".")
                and not entry.is_dir(follow_symlinks=False)
                and _stays_inside(entry, root)
            ):
                _take(Path(entry.path), str(root), doc_id, found)


def _walk(root: Path, found: Scan) -> Iterator[tuple[list[os.DirEntry[str]], str]]:
    """The entries of each folder under `root`, with the folder's path below it and a slash."""
    stack = [(root, "")]
    while stack:
        directory, below = stack.pop()
        try:
            with os.scandir(directory) as listing:
                entries = list(listing)
        except OSError as error:
            place = printable_path(below.rstrip("/")) or "."
            found.unreadable.append(Unreadable(printable_path(str(root)), place, error.strerror or str(error)))
            continue
        stack.extend(
            (Path(entry.path), f"{below}{entry.name}/")
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
        )
        yield entries, below


def _stays_inside(entry: os.DirEntry[str], root: Path) -> bool:
    # realpath, since Path.resolve raises on a link to itself; such a link fails later, by name
    return not entry.is_symlink() or Path(os.path.realpath(entry.path)).is_relative_to(os.path.realpath(root))


def _take(path: Path, root: str, doc_id: str, found: Scan) -> None:
    try:
        status = path.stat()
    except OSError as error:
        found.unreadable.append(Unreadable(printable_path(root), printable_path(doc_id), error.strerror or str(error)))
        return
    if not stat.S_ISREG(status.st_mode):
        return
    if not is_supported(path):
        extension = printable_path(path.suffix.lower()) or "(none)"
        found.skipped[extension] = found.skipped.get(extension, 0) + 1
        return
    found.sources.append(Source(printable_path(root), printable_path(doc_id), path, status.st_size, status.st_mtime_ns))
