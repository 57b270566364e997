"""An opened version: everything a reader needs, checked against the manifest, and kept open until it is closed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import orjson
from pydantic import ValidationError

from ragfactory.errors import DamagedIndexError, IndexNotFoundError
from ragfactory.store.durable import sha256_of
from ragfactory.store.layout import IndexPaths
from ragfactory.store.lexical import LexicalIndex
from ragfactory.store.records import FORMAT, DocumentRecord, FileEntry, Manifest, Place, digest_of
from ragfactory.store.segment import Segment

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.store.layout import IndexName

MANIFEST = "manifest.json"
DOCUMENTS = "documents.jsonl"
LEXICAL = "lexical"

Identity = tuple[str, str]  # (root, path below it)


@dataclass(frozen=True, slots=True)
class Holder:
    """A document that has a row among its chunks, and where."""

    document: DocumentRecord
    place: Place


class Version:
    """A complete state of an index, open for reading, also after its folder was removed.

    `segments` are by number, `documents` by (root, path), `lexical` is the full-text index.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        self.directory = directory
        self.manifest = manifest
        self.documents = read_documents(directory)
        self.lexical = LexicalIndex(directory / LEXICAL)
        self.segments = {entry.number: Segment(directory, entry) for entry in manifest.segments}

    @classmethod
    def open(cls, paths: IndexPaths, name: IndexName, number: int | None = None) -> Self:
        """Open a version, by default the one that serves, after checking every file of it.

        Raises IndexNotFoundError when there is none, DamagedIndexError when a file is not what the manifest says.
        """
        directory = current_directory(paths, name) if number is None else paths.version(number)
        if not (directory / MANIFEST).exists():
            raise IndexNotFoundError(
                f"{name} has no version {directory.name}", hint="`ragfactory index list` shows what there is"
            )
        manifest = read_manifest(directory)
        refuse_damage(paths, directory, manifest)
        return cls(directory, manifest)

    @cached_property
    def _sharers(self) -> dict[tuple[int, int], list[Holder]]:
        sharers: dict[tuple[int, int], list[Holder]] = {}
        for document in self.documents.values():
            for shared in document.shared:
                sharers.setdefault((shared.segment, shared.row), []).append(Holder(document, shared.place))
        return sharers

    def sharers(self, segment: int, row: int) -> list[Holder]:
        """The other documents (or other places of the same one) that hold the row's chunk."""
        return self._sharers.get((segment, row), [])

    def close(self) -> None:
        """Close the version's files."""
        for segment in self.segments.values():
            segment.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def current_directory(paths: IndexPaths, name: IndexName) -> Path:
    """The folder of the version that serves. Raises IndexNotFoundError, or DamagedIndexError when it is not there."""
    number = paths.current_number()
    while number is not None:
        directory = paths.version(number)
        if (directory / MANIFEST).exists():
            return directory
        seen, number = number, paths.current_number()
        if number == seen:  # else a newer version was published, and this one removed, while we looked
            raise DamagedIndexError(
                f"CURRENT of {name} names version {seen:06d}, which is not there", hint=paths.way_back
            )
    raise IndexNotFoundError(f"there is no index {name}", hint="`ragfactory ingest FOLDER` builds one")


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a version. Raises DamagedIndexError."""
    path = directory / MANIFEST
    try:
        raw = orjson.loads(path.read_bytes())
        found = raw.get("format") if isinstance(raw, dict) else None
        if found != FORMAT:
            raise _damaged(path, f"format {FORMAT} expected, found {found}")
        if raw.pop("digest", None) != digest_of(raw):
            raise _damaged(path, "not what was written (its digest differs)")
        return Manifest.model_validate(raw)
    except (OSError, orjson.JSONDecodeError, ValidationError) as error:
        raise _damaged(path, "not a manifest that can be read") from error


def read_documents(directory: Path) -> dict[Identity, DocumentRecord]:
    """The document records of a version by (root, path). Raises DamagedIndexError."""
    path = directory / DOCUMENTS
    try:
        with path.open("rb") as lines:
            records = [DocumentRecord.model_validate(orjson.loads(line)) for line in lines]
    except (OSError, orjson.JSONDecodeError, ValidationError) as error:
        raise _damaged(path, "not a list of documents that can be read") from error
    return {(record.root, record.path): record for record in records}


def _damaged(path: Path, what: str) -> DamagedIndexError:
    """The error for a file right under a version's folder."""
    return DamagedIndexError(f"{path}: {what}", hint=IndexPaths(path.parent.parent).way_back, path=str(path))


def refuse_damage(paths: IndexPaths, directory: Path, manifest: Manifest, *, read_all: bool = True) -> None:
    """Raise DamagedIndexError when a file of a version is not what was written; without `read_all` only sizes are compared."""
    if damage := find_damage(directory, manifest, read_all=read_all):
        first, *others = damage
        more = f" (and {len(others)} more)" if others else ""
        raise DamagedIndexError(first + more, hint=paths.way_back)


def find_damage(directory: Path, manifest: Manifest, *, read_all: bool = True) -> list[str]:
    """A line for every file of a version that is missing or is not what the manifest says; empty when all is well."""
    with ThreadPoolExecutor() as pool:  # hashing releases the interpreter's lock
        found = pool.map(lambda item: _damage(directory, *item, read_all=read_all), manifest.files.items())
        return [line for line in found if line]


def _damage(directory: Path, name: str, entry: FileEntry, *, read_all: bool) -> str | None:
    path = directory / name
    try:
        size = path.stat().st_size
        if size != entry.bytes:
            return f"{path}: {entry.bytes} bytes expected, found {size}"
        if read_all and sha256_of(path) != entry.sha256:
            return f"{path}: the bytes are not those that were written (SHA-256 differs)"
    except OSError as error:
        return f"{path}: {error.strerror or error}"
    return None
