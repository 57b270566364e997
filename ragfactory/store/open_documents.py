"""The documents of an opened version: found one by one through the postings, or read all together."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import orjson

from ragfactory.store.damage import damaged
from ragfactory.store.documents import UNREADABLE, Identity, apply_documents, documents_name
from ragfactory.store.postings import Postings, postings_name, term
from ragfactory.store.records import DocumentRecord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from ragfactory.errors import DamagedIndexError
    from ragfactory.store.postings import Term
    from ragfactory.store.records import Manifest


_NO_DOCUMENTS = "not a list of documents that can be read"


class Line(NamedTuple):
    """Where a document is: the file, counted from 1, and where its line starts there."""

    file: int
    offset: int


class Documents(Mapping[Identity, DocumentRecord]):
    """The documents by (root, path), in that order. The files stay open, so they can be read after their version was pruned.

    What asks for one document reads its line alone; what goes through all reads everything, once. Both raise DamagedIndexError
    for a line that is no document.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        self._paths = [directory / documents_name(n) for n in range(1, len(manifest.document_lines) + 1)]
        self._read: dict[Line, DocumentRecord] = {}
        with ExitStack() as opened:
            self._files = [opened.enter_context(_open(path)) for path in self._paths]
            names = [postings_name(n) for n in range(1, len(self._files) + 1)]
            stored = [_open_postings(directory / name) if name in manifest.files else None for name in names]
            self._opened = opened.pop_all()
        self._stored = [table if table and table.is_current else None for table in stored]

    def __getitem__(self, identity: Identity) -> DocumentRecord:
        if "_all" in self.__dict__:
            return self._all[identity]
        for line in self.find(term("document", *identity)):
            return self.read(line)
        raise KeyError(identity)

    def __iter__(self) -> Iterator[Identity]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def find(self, wanted: Term) -> list[Line]:
        """The documents that have a term."""
        return [
            Line(number, offset)
            for number, (table, replaced) in enumerate(zip(self.postings, self._replaced, strict=True), 1)
            for offset in table.find(wanted)
            if offset not in replaced
        ]

    def read(self, line: Line) -> DocumentRecord:
        """The document at a place that `find` gave."""
        if line not in self._read:
            file = self._files[line.file - 1]
            try:
                file.seek(line.offset)
                self._read[line] = DocumentRecord.model_validate(orjson.loads(file.readline()))
            except UNREADABLE as error:
                raise self._damaged(line.file) from error
        return self._read[line]

    def is_stored(self, number: int) -> bool:
        """Whether the version has the postings of the n-th file, as this build would make them."""
        return self._stored[number - 1] is not None

    @cached_property
    def postings(self) -> list[Postings]:
        """The postings of each file. Those that an older build left out, or made by other rules, are made here."""
        tables: list[Postings] = []
        for number, stored in enumerate(self._stored, 1):
            tables.append(stored or self._make_postings(number, tables))
        return tables

    def make_postings(self, number: int) -> Postings:
        """The postings of the n-th file, made of its lines."""
        return self._make_postings(number, self.postings[: number - 1])

    def close(self) -> None:
        """Close the files. What was read stays."""
        self._opened.close()

    def _make_postings(self, number: int, earlier: list[Postings]) -> Postings:
        file = self._files[number - 1]
        file.seek(0)
        try:
            return Postings.of(file, earlier)
        except UNREADABLE as error:
            raise self._damaged(number) from error

    @cached_property
    def _replaced(self) -> list[set[int]]:
        """Of each file, where the lines start that a later file replaces."""
        return [
            {offset for table in self.postings[number:] for offset in table.find(term("replaced", number))}
            for number in range(1, len(self._files) + 1)
        ]

    @cached_property
    def _all(self) -> dict[Identity, DocumentRecord]:
        documents: dict[Identity, DocumentRecord] = {}
        for number, file in enumerate(self._files, 1):
            file.seek(0)
            try:
                apply_documents(documents, file)
            except UNREADABLE as error:
                raise self._damaged(number) from error
        return dict(sorted(documents.items()))

    def _damaged(self, number: int) -> DamagedIndexError:
        return damaged(self._paths[number - 1], _NO_DOCUMENTS)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise damaged(path, _NO_DOCUMENTS) from error


def _open_postings(path: Path) -> Postings:
    try:
        return Postings.open(path)
    except (OSError, ValueError) as error:
        raise damaged(path, "not a table of postings that can be read") from error
