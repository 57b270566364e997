"""What the documents of a file are found by, without reading the file: for each term the lines that have it.

Terms are a document's own place, the rows it shares, its years, type and names, and the earlier lines that its own replaces.
"""

from __future__ import annotations

import hashlib
import mmap
from itertools import accumulate
from struct import Struct
from typing import TYPE_CHECKING, Final

import orjson

from ragfactory.documents.names import names_of
from ragfactory.store.npy import find_entries, to_npy
from ragfactory.store.records import DocumentRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    Term = bytes

# An entry a term and line that has it, ascending: the first 16 bytes of the term's SHA-256, and where the line starts in
# documents-NNNN.jsonl.
FIELDS: Final = [("term", "|V16"), ("offset", "<u8")]

# Which terms a document has. Another number makes tables that older builds wrote count as missing, so raise it with every change to
# `terms_of` and to what it calls, as `tests/store/test_postings.py` will ask for.
RULES = 1

_ENTRY = Struct("<16sQ")
_TERM_BYTES = 16


def postings_name(number: int) -> str:
    """The postings of the n-th file of documents."""
    return f"postings-{number:04d}.npy"


def term(kind: str, *values: str | int) -> Term:
    """The term of that kind with these values."""
    return hashlib.sha256(orjson.dumps([kind, *values])).digest()[:_TERM_BYTES]


def terms_of(document: DocumentRecord) -> Iterator[Term]:
    """What a document is found by; a term may come several times.

    `document` with its root and path, `shared` with a row's id, `year` with a year, or alone where there is none, `type` with the
    type, and `name` with the words of a name.
    """
    yield term("document", document.root, document.path)
    for shared in document.shared:
        yield term("shared", shared.row)
    years = document.metadata.get("years") or []
    for year in years if isinstance(years, list) else [years]:
        yield term("year", str(year))
    if not years:
        yield term("year")
    yield term("type", document.document_type)
    for words in names_of(document.path, document.title, document.metadata):
        yield term("name", *words)


class Postings:
    """The postings of one file of documents, in a mapped file, which may lose its name once this is made, or in memory."""

    def __init__(self, data: mmap.mmap | bytes) -> None:
        """Raises ValueError when `data` is no table of postings."""
        found = find_entries(data, FIELDS, _ENTRY.size)
        if found is None:
            raise ValueError("not a table of postings")
        self._start, self._count = found
        self.data = data

    @classmethod
    def open(cls, path: Path) -> Postings:
        """The postings in a file. Raises OSError when it is not there, ValueError when it is no such table."""
        with path.open("rb") as file:
            return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    @classmethod
    def of(cls, lines: Iterable[bytes], earlier: Sequence[Postings]) -> Postings:
        """The postings of a file of documents, by all of its lines and the postings of the files before it.

        Raises what reading a document from a line that is none does.
        """
        entries = [(_rules(), 0)]
        lines = list(lines)
        for offset, line in zip(accumulate(map(len, lines), initial=0), lines, strict=False):
            raw = orjson.loads(line)
            own = term("document", raw["root"], raw["path"])
            for number, table in enumerate(earlier, 1):
                entries += [(term("replaced", number), at) for at in table.find(own)]
            if not raw.get("removed"):
                entries += [(found, offset) for found in set(terms_of(DocumentRecord.model_validate(raw)))]
        return cls(to_npy(FIELDS, [_ENTRY.pack(*entry) for entry in sorted(entries)]))

    @property
    def is_current(self) -> bool:
        """Whether they were made by the rules of this build."""
        return bool(self.find(_rules()))

    def find(self, wanted: Term) -> list[int]:
        """Where the lines that have a term start, ascending."""
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            at = self._start + middle * _ENTRY.size
            if self.data[at : at + _TERM_BYTES] < wanted:
                low = middle + 1
            else:
                high = middle
        found = []
        for at in range(self._start + low * _ENTRY.size, self._start + self._count * _ENTRY.size, _ENTRY.size):
            own, offset = _ENTRY.unpack_from(self.data, at)
            if own != wanted:
                break
            found.append(offset)
        return found


def _rules() -> Term:
    return term("rules", RULES)
