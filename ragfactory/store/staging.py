"""The folder in which a version is put together: what did not change is a hard link into the version it is built upon."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from ragfactory.store.durable import link_or_copy, make_private_dirs, sha256_of, sync_dir, sync_file
from ragfactory.store.layout import LEXICAL
from ragfactory.store.lexical import LOCK_FILES
from ragfactory.store.records import FileEntry
from ragfactory.store.verified import VerifiedFiles

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.store.layout import IndexPaths
    from ragfactory.store.version import Version


class Staging:
    """A version's folder before it has its number."""

    def __init__(self, paths: IndexPaths, base: Version | None) -> None:
        """Begin with an empty folder: what a killed run left there was never part of anything."""
        self.directory = directory = paths.building / "version"
        self._base = base
        self._verified = VerifiedFiles(paths)
        if directory.exists():
            shutil.rmtree(directory)
        make_private_dirs(directory)
        (directory / LEXICAL).mkdir(mode=0o700)
        if base is not None:
            names = [file.name for file in (base.directory / LEXICAL).iterdir()]
            self.link(*(f"{LEXICAL}/{name}" for name in names if name not in LOCK_FILES))

    def link(self, *names: str) -> None:
        """Take files over from the version that this one is built upon."""
        for name in names:
            assert self._base is not None, "what is taken over is in the base"
            source = self._base.directory / name
            with self._verified.relinking([source]):
                link_or_copy(source, self.directory / name)

    def describe_files(self) -> dict[str, FileEntry]:
        """Size and hash of every file; a file linked from the base is the one that was hashed then."""
        known = self._base.manifest.files if self._base else {}
        files = {}
        for path in self._files():
            name = path.relative_to(self.directory).as_posix()
            entry = known.get(name)
            if entry is None or not self._is_linked(path):
                entry = FileEntry(bytes=path.stat().st_size, sha256=sha256_of(path))
            files[name] = entry
        return dict(sorted(files.items()))

    def make_durable(self) -> None:
        """Force everything that is new to the disk."""
        for path in self._files():
            if not self._is_linked(path):
                sync_file(path)
        sync_dir(self.directory / LEXICAL)
        sync_dir(self.directory)
        self._verified.save()

    def _is_linked(self, path: Path) -> bool:
        source = self._base.directory / path.relative_to(self.directory) if self._base else None
        return source is not None and source.exists() and source.samefile(path)

    def _files(self) -> list[Path]:
        return [path for path in self.directory.rglob("*") if path.is_file()]
