"""Makes one Document of raw pages: furniture out, reading order, tables, paragraphs over page breaks, headings ranked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ragfactory.documents.model import DocumentBuilder, Table
from ragfactory.documents.pdf.captions import is_caption
from ragfactory.documents.pdf.columns import reading_order
from ragfactory.documents.pdf.furniture import drop_furniture
from ragfactory.documents.pdf.headings import Body, heading_levels
from ragfactory.documents.pdf.joining import join_regions
from ragfactory.documents.pdf.mending import Mender, ends_sentence
from ragfactory.documents.pdf.native import NativeTables
from ragfactory.documents.pdf.pieces import Cutter, Piece, PieceKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ragfactory.documents.model import Document
    from ragfactory.documents.pdf.model import PdfInfo, RawPage
    from ragfactory.documents.pdf.reading import TableMode

CAPTION_CHARACTERS = 160
PAGES_NAMED = 10
TITLE_PAGES = 2

_WORD = re.compile(r"\w{3,}")


def assemble(raw: Sequence[RawPage], info: PdfInfo, tables: TableMode) -> Document:
    """The document that these pages make: all of the file, in order, at least one of them with a line."""
    pages = drop_furniture(raw)
    body = Body.of(pages)
    mender = Mender.of(pages)
    native = NativeTables(mender, numbers_too=tables == "native")
    cutter = Cutter(mender, geometric=tables == "auto")
    pieces = join_regions((region for page in pages for region in _regions(page, native, cutter)), body, mender)
    builder = DocumentBuilder("pdf")
    builder.page_count = info.page_count
    builder.metadata = dict(info.metadata)
    builder.warnings += _warnings(raw)
    _build(builder, pieces, body)
    builder.title = _title(info.title, pieces, body)
    return builder.finish()


def _regions(page: RawPage, native: NativeTables, cutter: Cutter) -> Iterator[list[Piece]]:
    placed, lines = native.take(page.lines, page.grids)
    for region in reading_order([*lines, *placed]):
        yield list(cutter.cut(region, page.number))
    for text in page.sideways:
        yield [Piece(PieceKind.TEXT, page.number, page.number, text)]


def _build(builder: DocumentBuilder, pieces: list[Piece], body: Body) -> None:
    headings = [index for index, piece in enumerate(pieces) if _is_heading(piece, body)]
    levels = dict(zip(headings, heading_levels([pieces[index] for index in headings]), strict=True))
    items: list[Piece] = []
    for index, piece in enumerate(pieces):
        if piece.kind in (PieceKind.ITEM, PieceKind.CONTENTS) and index not in levels:
            items.append(piece)
            continue
        _add_list(builder, items)
        items = []
        if piece.table:
            caption = _caption(pieces, index, levels)
            table = Table(piece.table.rows, piece.table.header_rows, caption)
            builder.table(table, page=piece.page, page_end=piece.page_end)
        elif index in levels:
            builder.heading(piece.text, levels[index], page=piece.page)
        elif is_caption(piece.text):
            builder.caption(piece.text, page=piece.page)
        else:
            builder.paragraph(piece.text, page=piece.page, page_end=piece.page_end)
    _add_list(builder, items)


def _add_list(builder: DocumentBuilder, items: list[Piece]) -> None:
    if items:
        builder.list_items([item.text for item in items], page=items[0].page, page_end=items[-1].page_end)


def _is_heading(piece: Piece, body: Body) -> bool:
    return not is_caption(piece.text) and body.is_heading(piece)


def _caption(pieces: list[Piece], index: int, levels: dict[int, int]) -> str | None:
    """The caption line by the table at `index`, else the heading above it over at most one short line, else that line."""
    above = []
    for near in range(index - 1, max(index - 3, -1), -1):
        if pieces[near].kind is not PieceKind.TEXT or len(pieces[near].text) > CAPTION_CHARACTERS:
            break
        above.append(near)
    captions = [near for near in (*above, index + 1) if near < len(pieces) and is_caption(pieces[near].text)]
    heads = [near for near in above if near in levels]
    leads = [
        near for near in above[:1] if not ends_sentence(pieces[near].text.rstrip(":")) and pieces[near].text[0] != "("
    ]
    found = captions or heads or leads
    return pieces[found[0]].text if found else None


def _title(stated: str | None, pieces: list[Piece], body: Body) -> str | None:
    """The title the file states, if its words are those of the first pages; else the heading in the largest type there.

    A stated title is often that of the template the document was made from.
    """
    opening = set(_WORD.findall(" ".join(piece.text for piece in pieces if piece.page <= TITLE_PAGES).casefold()))
    words = _WORD.findall((stated or "").casefold())
    if stated and sum(word in opening for word in words) * 2 > len(words):
        return stated
    headings = [piece for piece in pieces if _is_heading(piece, body)]
    headings = [piece for piece in headings if piece.page == 1] or headings
    return max(headings, key=lambda piece: piece.size).text if headings else stated


def _warnings(pages: Sequence[RawPage]) -> Iterator[str]:
    for page in pages:
        yield from page.warnings
    bare = [str(page.number) for page in pages if not page.lines and not page.sideways and not page.unread]
    if bare:
        more = f" and {len(bare) - PAGES_NAMED} more" if len(bare) > PAGES_NAMED else ""
        yield f"no text on page {', '.join(bare[:PAGES_NAMED])}{more}: blank, or an image that needs OCR"
