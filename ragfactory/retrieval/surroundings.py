"""Small to large: a short passage is found, and what stands around it in its document is given with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from ragfactory.errors import UsageError
from ragfactory.retrieval.places import PlaceInDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragfactory.store.records import DocumentRecord, Place
    from ragfactory.store.version import Version

Reach: TypeAlias = (
    int | Literal["section", "table"]
)  # that many neighbours on either side, or all of a section or table

MAX_NEIGHBOURS = 50
MAX_CHARACTERS = 10_000  # of a section or a table, on either side of the passage


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A passage together with what stands around it: text without what overlaps, its pages, and the chunks it is made of."""

    text: str
    page: int | None
    page_end: int | None
    chunk_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A chunk where it stands in the document: `prefix` is what was repeated before it of the table that it continues."""

    place: Place
    prefix: str
    body: str


# Whether, beside a found piece, the piece one step from another still belongs to it.
_Belongs: TypeAlias = "Callable[[_Piece, _Piece, _Piece, int], bool]"


def parse_reach(text: str) -> Reach:
    """How far `--expand-hits` reaches. Raises UsageError."""
    if text == "section":
        return "section"
    if text == "table":
        return "table"
    if text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_NEIGHBOURS:
        return int(text)
    raise UsageError(
        f"--expand-hits: a number from 1 to {MAX_NEIGHBOURS}, section or table expected, got {text!r}",
        hint="1 adds the passage before and the one after",
    )


def surroundings(version: Version, at: PlaceInDocument, reach: Reach) -> Surroundings:
    """What stands around a passage of a version, and the passage itself.

    A section is the stretch of passages under the headings of this one, subsections included; without headings, all of the
    document. A table is the stretch of passages that it was cut into. Both reach 10,000 characters to either side at most.
    """
    chunks, n = _Chunks(version, at.document), at.place.n
    if isinstance(reach, int):
        first, last = max(0, n - reach), min(chunks.count - 1, n + reach)
    else:
        belongs = _in_section if reach == "section" else _in_table
        first, last = (_end_of(chunks, n, step, belongs) for step in (-1, 1))
    pieces = [chunks[i] for i in range(first, last + 1)]
    pages = [page for piece in pieces for page in (piece.place.page, piece.place.page_end) if page is not None]
    ids = tuple(PlaceInDocument(at.document, piece.place).chunk_id for piece in pieces)
    return Surroundings(_joined(pieces), min(pages, default=None), max(pages, default=None), ids)


class _Chunks:
    """The chunks of a document by their number in it, read when they are asked for."""

    def __init__(self, version: Version, document: DocumentRecord) -> None:
        self._version = version
        self._read: dict[int, _Piece] = {}
        self._shared = {shared.place.n: shared for shared in document.shared}
        own = (n for n in range(document.chunks) if n not in self._shared)
        rows = (first + i for first, count in document.rows for i in range(count))
        self._rows = dict(zip(own, rows, strict=True))
        self.count = document.chunks

    def __getitem__(self, n: int) -> _Piece:
        if n not in self._read:
            shared = self._shared.get(n)
            number, row = self._version.locate(shared.row if shared else self._rows[n])
            chunk = self._version.segments[number].chunk(row)
            cut = max(0, len(chunk.text) - (chunk.place.end - chunk.place.start))
            place = shared.place if shared else chunk.place
            self._read[n] = _Piece(place, chunk.text[:cut], chunk.text[cut:])
        return self._read[n]


def _end_of(chunks: _Chunks, n: int, step: int, belongs: _Belongs) -> int:
    """The last chunk on the way from `n` in steps of 1 or -1 that belongs to it, as far as there is room."""
    own, room = chunks[n], MAX_CHARACTERS
    while 0 <= n + step < chunks.count and belongs(own, chunks[n], chunks[n + step], step):
        room -= len(chunks[n + step].body)
        if room < 0:
            break
        n += step
    return n


def _in_section(own: _Piece, _here: _Piece, there: _Piece, _step: int) -> bool:
    headings = own.place.headings
    return there.place.headings[: len(headings)] == headings


def _in_table(_own: _Piece, here: _Piece, there: _Piece, step: int) -> bool:
    """Each part of a table that was cut, but for the first, has the table's caption and column heads repeated before it."""
    later = there if step > 0 else here
    return bool(later.prefix)


def _joined(pieces: Sequence[_Piece]) -> str:
    """One text of chunks that follow each other: what two have in common stands once, as does a table's head."""
    text, end = pieces[0].prefix + pieces[0].body, pieces[0].place.end
    for piece in pieces[1:]:
        overlap = max(0, end - piece.place.start)
        between = "\n" * min(2, max(0, piece.place.start - end))
        text += between + piece.body[overlap:]
        end = max(end, piece.place.end)
    return text
