"""Where things are: an index's name and the folders and files that belong to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.config import NAME_PATTERN
from ragfactory.errors import DamagedIndexError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"  # of a version: what it consists of
LEXICAL = "lexical"  # of a version: the folder of its full-text index
ROOTS = "roots.json"  # of a project: the folders it follows

_NAME = re.compile(NAME_PATTERN)
_VERSION = re.compile("[0-9]{6,}")


@dataclass(frozen=True, slots=True, order=True)
class IndexName:
    """What an index is called. No part can hold a separator or be `..`, so no name reaches another tenant's files."""

    tenant: str
    project: str
    document_type: str

    def __post_init__(self) -> None:
        for part, what in ((self.tenant, "tenant"), (self.project, "project"), (self.document_type, "type")):
            if not _NAME.fullmatch(part):
                raise UsageError(
                    f"{part!r} cannot be the name of a {what}",
                    hint="letters, digits, '.', '_' and '-', beginning with a letter or digit, make a name",
                )

    def __str__(self) -> str:
        return f"{self.tenant}/{self.project}/{self.document_type}"

    @property
    def options(self) -> str:
        """The options of a command line that mean this index, for hints."""
        return f"{self.project_options} --type {self.document_type}"

    @property
    def project_options(self) -> str:
        """The options of a command line that mean its project."""
        return options_of(self.tenant, self.project)


@dataclass(frozen=True, slots=True)
class IndexPaths:
    """The places of one index under `$RAGFACTORY_HOME/indexes`."""

    root: Path

    @classmethod
    def of(cls, indexes: Path, name: IndexName) -> IndexPaths:
        """The places of the index of that name."""
        return cls(indexes / name.tenant / name.project / name.document_type)

    @property
    def current(self) -> Path:
        """The file that names the version that serves."""
        return self.root / "CURRENT"

    @property
    def lock(self) -> Path:
        """The file that the one writer holds locked."""
        return self.root / "LOCK"

    @property
    def building(self) -> Path:
        """What an unfinished run has made so far."""
        return self.root / "building"

    @property
    def verified(self) -> Path:
        """Which files were hashed and not touched since; a cache."""
        return self.root / "verified.json"

    @property
    def settings(self) -> Path:
        """How the index is searched, where that was fitted to it."""
        return self.root / "settings.json"

    def version(self, number: int) -> Path:
        """The folder of a version."""
        return self.root / f"{number:06d}"

    def version_numbers(self) -> list[int]:
        """The numbers of all versions on disk, ascending."""
        if not self.root.is_dir():
            return []
        return sorted(
            int(entry.name) for entry in self.root.iterdir() if _VERSION.fullmatch(entry.name) and entry.is_dir()
        )

    def current_number(self) -> int | None:
        """The number of the version that serves, or None when nothing was published yet. Raises DamagedIndexError."""
        try:
            text = self.current.read_text(encoding="utf-8", errors="replace").strip()
        except FileNotFoundError:
            return None
        if not _VERSION.fullmatch(text):
            raise DamagedIndexError(
                f"{self.current}: the number of a version expected, found {text[:20]!r}",
                hint=self._way_back_from(None),
                path=str(self.current),
            )
        return int(text)

    @property
    def way_back(self) -> str:
        """What to do when the version that serves is damaged."""
        try:
            return self._way_back_from(self.current_number())
        except DamagedIndexError:
            return self._way_back_from(None)

    def _way_back_from(self, number: int | None) -> str:
        """The way to a version older than that, or to any where it is not known."""
        name = IndexName(*self.root.parts[-3:])
        anew = f"remove {self.current} and ingest the folder again, with {name.project_options}"
        older = [other for other in self.version_numbers() if number is None or other < number]
        if not older:
            return anew
        return f"`ragfactory index rollback {older[-1]} {name.options}` makes an older version serve; or {anew}"


@dataclass(frozen=True, slots=True)
class ProjectPaths:
    """The places that the indexes of a project share."""

    root: Path

    @classmethod
    def of(cls, indexes: Path, tenant: str, project: str) -> ProjectPaths:
        """The places of that project."""
        IndexName(tenant, project, "any")  # raises UsageError for a name that leads elsewhere
        return cls(indexes / tenant / project)

    @property
    def lock(self) -> Path:
        """The file that the one run over the project holds locked."""
        return self.root / "LOCK"

    @property
    def failures(self) -> Path:
        """The list of files that failed."""
        return self.root / "failed.jsonl"

    @property
    def roots(self) -> Path:
        """The list of folders that documents are taken from."""
        return self.root / ROOTS

    def sweep(self) -> None:
        """Remove what killed runs left half written of these. Its user holds the lock."""
        for leftover in self.root.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)


def options_of(tenant: str, project: str) -> str:
    """The options of a command line that mean a project, for hints: whatever the configuration's defaults are."""
    return f"--tenant {tenant} --project {project}"


def find_indexes(
    indexes: Path, *, tenant: str | None = None, project: str | None = None, document_type: str | None = None
) -> list[IndexName]:
    """The indexes that have a version, by name; of those, only the ones with the names that are given."""
    wanted = (tenant, project, document_type)
    found = (current.parent.relative_to(indexes).parts for current in sorted(indexes.glob("*/*/*/CURRENT")))
    return [
        IndexName(*parts)
        for parts in found
        if all(name in (None, part) for name, part in zip(wanted, parts, strict=True))
    ]


def find_projects(indexes: Path, *, tenant: str | None = None, project: str | None = None) -> set[tuple[str, str]]:
    """(tenant, project) of those that follow a folder, whether or not anything was published."""
    indexed = {(name.tenant, name.project) for name in find_indexes(indexes)}
    following = {(path.parent.parent.name, path.parent.name) for path in indexes.glob(f"*/*/{ROOTS}")}
    return {found for found in indexed | following if tenant in (None, found[0]) and project in (None, found[1])}
