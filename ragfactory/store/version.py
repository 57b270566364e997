"""An opened version: everything a reader needs, checked against the manifest, and kept open until it is closed."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import orjson
from pydantic import ValidationError

from ragfactory.errors import DamagedIndexError, IndexNotFoundError
from ragfactory.store.damage import damaged, refuse_damage
from ragfactory.store.layout import LEXICAL, MANIFEST
from ragfactory.store.lexical import LexicalIndex
from ragfactory.store.open_documents import Documents
from ragfactory.store.postings import term
from ragfactory.store.readers import Hold, hold
from ragfactory.store.records import FORMAT, Manifest, digest_of
from ragfactory.store.segment import Segment, find_row

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.store.documents import Identity
    from ragfactory.store.layout import IndexName, IndexPaths
    from ragfactory.store.open_documents import Line
    from ragfactory.store.records import DocumentRecord, Place


@dataclass(frozen=True, slots=True)
class Holder:
    """A document that has a row among its chunks, and where."""

    document: DocumentRecord
    place: Place


class Version:
    """A complete state of an index, open for reading, also after its folder was removed. What `open` opened is not pruned.

    `segments` are by number, `documents` by (root, path), `lexical` is the full-text index.
    """

    def __init__(self, directory: Path, manifest: Manifest, held: Hold | None = None) -> None:
        """Open a version that its caller checked; `held` is let go when it is closed."""
        self._held = held
        self.directory = directory
        self.manifest = manifest
        self.documents = Documents(directory, manifest)
        self.lexical = LexicalIndex(directory / LEXICAL)
        dimension = manifest.embedder.dimension
        self.segments = {entry.number: Segment(directory, entry, dimension) for entry in manifest.segments}

    @classmethod
    def open(cls, paths: IndexPaths, name: IndexName, number: int | None = None) -> Self:
        """Open a version, by default the one that serves, after checking every file of it.

        Raises IndexNotFoundError when there is none, DamagedIndexError when a file is not what the manifest says.
        """
        held = hold_version(paths, name, number)
        try:
            manifest = read_manifest(held.directory)
            refuse_damage(paths, held.directory, manifest)
            return cls(held.directory, manifest, held)
        except BaseException:
            held.close()
            raise

    def locate(self, row_id: int) -> tuple[int, int]:
        """(segment number, row) of the row with this id. Raises KeyError."""
        return find_row(self.segments, row_id)

    def sharers(self, row_id: int) -> list[Holder]:
        """The other documents (or other places of the same one) that hold the row's chunk, by root and path."""
        documents = [self.documents.read(line) for line in self.documents.find(term("shared", row_id))]
        return [
            Holder(document, shared.place)
            for document in sorted(documents, key=lambda document: (document.root, document.path))
            for shared in document.shared
            if shared.row == row_id
        ]

    def holders(self, row_id: int) -> list[Line]:
        """Where the documents are that hold the row's chunk: the one that it was stored for, and all others."""
        number, row = self.locate(row_id)
        own = self.documents.find(term("document", *self.segments[number].stored_for(row)))
        still = (line for line in own if _has_row(self.documents.read(line), row_id))
        return [*still, *self.documents.find(term("shared", row_id))]

    def close(self) -> None:
        """Close the version's files."""
        for segment in self.segments.values():
            segment.close()
        self.documents.close()
        if self._held is not None:
            self._held.close()

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
    raise IndexNotFoundError(
        f"there is no index {name}", hint=f"`ragfactory ingest FOLDER {name.project_options}` builds one"
    )


def hold_version(paths: IndexPaths, name: IndexName, number: int | None = None) -> Hold:
    """Hold a version, by default the one that serves, so that it is not pruned. Raises as `Version.open` does."""
    while True:
        directory = current_directory(paths, name) if number is None else paths.version(number)
        try:
            return hold(directory)
        except FileNotFoundError:  # the one that served was pruned while we looked, and another serves by now
            if number is not None:
                raise no_such_version(paths, name, number) from None
        except OSError as error:
            raise damaged(directory / MANIFEST, f"it cannot be opened: {error.strerror}") from error


def no_such_version(paths: IndexPaths, name: IndexName, number: int) -> IndexNotFoundError:
    """The error for a version that is not there, naming those that are."""
    there = ", ".join(f"{other:06d}" for other in paths.version_numbers()) or "none"
    return IndexNotFoundError(f"{name} has no version {number:06d}", hint=f"the versions that are there: {there}")


def read_contents(
    paths: IndexPaths, name: IndexName, number: int | None = None, *, read_all: bool = False
) -> tuple[Manifest, dict[Identity, DocumentRecord]]:
    """The manifest and the documents of a version, once its files have the right sizes, or with `read_all` the right bytes.

    Raises as `Version.open` does.
    """
    with hold_version(paths, name, number) as held:
        manifest = read_manifest(held.directory)
        refuse_damage(paths, held.directory, manifest, read_all=read_all)
        return manifest, read_documents(held.directory, manifest)


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a version. Raises DamagedIndexError."""
    path = directory / MANIFEST
    try:
        data = path.read_bytes()
        if not data.endswith(b"\n"):  # the one byte whose loss neither JSON nor the digest would show
            raise damaged(path, "cut off at its end")
        raw = orjson.loads(data)
        found = raw.get("format") if isinstance(raw, dict) else None
        if found != FORMAT:
            raise damaged(path, f"format {FORMAT} expected, found {found}")
        if raw.pop("digest", None) != digest_of(raw):
            raise damaged(path, "not what was written (its digest differs)")
        return Manifest.model_validate(raw)
    except (OSError, orjson.JSONDecodeError, ValidationError) as error:
        raise damaged(path, "not a manifest that can be read") from error


def read_documents(directory: Path, manifest: Manifest) -> dict[Identity, DocumentRecord]:
    """The document records of a version by (root, path). Raises DamagedIndexError."""
    with closing(Documents(directory, manifest)) as documents:
        return dict(documents)


def _has_row(document: DocumentRecord, row_id: int) -> bool:
    return any(first <= row_id < first + count for first, count in document.rows)
