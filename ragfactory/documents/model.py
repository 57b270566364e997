"""What a parser makes of a file: a Document, which is one text and a sequence of blocks that cover it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

import orjson

from ragfactory.documents.cleaning import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BLOCK_SEPARATOR = "\n\n"
CELL_SEPARATOR = " | "


class BlockKind(StrEnum):
    """The kinds of block a parser can tell apart."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"
    TURN = "turn"
    CAPTION = "caption"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, all of one width. The first `header_rows` rows are column heads."""

    rows: tuple[tuple[str, ...], ...]
    header_rows: int = 0
    caption: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The column heads, header rows joined per column; empty when there are none."""
        heads = self.rows[: self.header_rows]
        return tuple(" ".join(filter(None, cells)) for cells in zip(*heads, strict=True)) if heads else ()

    @property
    def lines(self) -> tuple[str, ...]:
        """One line of text a row, as it stands in the document's text."""
        return tuple(CELL_SEPARATOR.join(row).strip() for row in self.rows)


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the document's text, `Document.text[start:end]`, of one kind.

    Pages count from 1 and are None in formats that have none. `headings` is the path of headings above the block, outermost
    first; a heading block's own text is not in it. A table block's text is one line a row, in the order of `table.rows`.
    """

    kind: BlockKind
    start: int
    end: int
    page: int | None = None
    page_end: int | None = None
    headings: tuple[str, ...] = ()
    level: int | None = None
    speaker: str | None = None
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One source as text: blocks in reading order, a blank line between two blocks, nothing else in between."""

    format: str
    text: str
    blocks: tuple[Block, ...]
    title: str | None = None
    language: str | None = None
    page_count: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def text_of(self, block: Block) -> str:
        """The text of one block."""
        return self.text[block.start : block.end]

    def tables(self) -> Iterator[Block]:
        """The table blocks, in reading order."""
        return (block for block in self.blocks if block.table is not None)

    def to_json(self) -> bytes:
        """The document as one JSON object; `from_json` reads it back."""
        return orjson.dumps(self)

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Rebuild a document from `to_json`'s bytes. Only plain data is read: no code can come along."""
        raw: dict[str, Any] = orjson.loads(data)
        raw["blocks"] = tuple(_block(b) for b in raw["blocks"])
        raw["warnings"] = tuple(raw["warnings"])
        return cls(**raw)


def _block(raw: dict[str, Any]) -> Block:
    table = raw.pop("table")
    if table is not None:
        table = Table(tuple(tuple(row) for row in table["rows"]), table["header_rows"], table["caption"])
    raw["kind"] = BlockKind(raw["kind"])
    raw["headings"] = tuple(raw["headings"])
    return Block(**raw, table=table)


class DocumentBuilder:
    """Collects blocks in reading order, keeps the heading path, and lays the text out with its offsets.

    Every parser builds its document through this, so that offsets, cleaning and heading paths are right in one place.
    A block whose text is empty after cleaning is dropped.
    """

    def __init__(self, format: str) -> None:  # noqa: A002 - the field's own name
        self._format = format
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._path: list[tuple[int, str]] = []
        self.title: str | None = None
        self.page_count: int | None = None
        self.metadata: dict[str, str] = {}
        self.warnings: list[str] = []

    def heading(self, text: str, level: int, *, page: int | None = None) -> None:
        """Add a heading; `level` 1 is the outermost. Later blocks stand under it until a heading of its level or above."""
        text = " ".join(clean(text).split())
        if not text:
            return
        self._path = [(lvl, head) for lvl, head in self._path if lvl < level]
        self._add(BlockKind.HEADING, text, page, level=level)
        self._path.append((level, text))

    def paragraph(self, text: str, *, page: int | None = None, page_end: int | None = None) -> None:
        """Add a paragraph of running text."""
        self._add(BlockKind.PARAGRAPH, text, page, page_end=page_end)

    def list_items(self, items: Sequence[str], *, page: int | None = None, page_end: int | None = None) -> None:
        """Add a list: one line an item, its marker included."""
        self._add(BlockKind.LIST, "\n".join(items), page, page_end=page_end)

    def code(self, text: str, *, page: int | None = None) -> None:
        """Add code or other preformatted text; its white space is kept."""
        self._add(BlockKind.CODE, text, page)

    def turn(self, speaker: str | None, text: str, *, page: int | None = None) -> None:
        """Add one turn of a conversation. `text` is the whole turn as it stands in the source, its speaker's label included."""
        self._add(BlockKind.TURN, text, page, speaker=speaker)

    def caption(self, text: str, *, page: int | None = None) -> None:
        """Add the caption of a table or figure."""
        self._add(BlockKind.CAPTION, text, page)

    def table(self, table: Table, *, page: int | None = None, page_end: int | None = None) -> None:
        """Add a table. Rows are made one width, a cell one line; rows and columns without any text are left out.

        The caption in `table.caption` is provenance only: add it with `caption` as well where the source shows it.
        """
        rows = [[" ".join(clean(cell).split()) for cell in row] for row in table.rows]
        width = max((len(row) for row in rows), default=0)
        rows = [row + [""] * (width - len(row)) for row in rows]
        header_rows = sum(1 for row in rows[: table.header_rows] if any(row))
        rows = [row for row in rows if any(row)]
        used = [i for i in range(width) if any(row[i] for row in rows)]
        tidy = Table(
            tuple(tuple(row[i] for i in used) for row in rows),
            header_rows,
            " ".join(clean(table.caption).split()) if table.caption else None,
        )
        self._add(BlockKind.TABLE, "\n".join(tidy.lines), page, page_end=page_end, table=tidy)

    def finish(self) -> Document:
        """The document so far."""
        return Document(
            format=self._format,
            text="".join(self._parts),
            blocks=tuple(self._blocks),
            title=" ".join(clean(self.title).split()) or None if self.title else None,
            page_count=self.page_count,
            metadata={clean(k): clean(v) for k, v in self.metadata.items()},
            warnings=tuple(self.warnings),
        )

    def _add(
        self,
        kind: BlockKind,
        text: str,
        page: int | None,
        *,
        page_end: int | None = None,
        level: int | None = None,
        speaker: str | None = None,
        table: Table | None = None,
    ) -> None:
        if table is None:
            text = clean(text).strip("\n").rstrip() if kind is BlockKind.CODE else clean(text).strip()
        if not text.strip():
            return
        if self._parts:
            self._parts.append(BLOCK_SEPARATOR)
            self._length += len(BLOCK_SEPARATOR)
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        self._blocks.append(
            Block(
                kind=kind,
                start=start,
                end=self._length,
                page=page,
                page_end=page if page_end is None else page_end,
                headings=tuple(head for _, head in self._path),
                level=level,
                speaker=speaker,
                table=table,
            )
        )
