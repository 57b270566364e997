"""Writes a quotation as a DOCX file whose bytes depend on nothing but the quotation."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

import docx
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from .notation import dutch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from pathlib import Path

    from docx.document import Document
    from docx.table import Table

    from .offers import Offer

ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
WIDTHS = (Cm(7.6), Cm(1.6), Cm(2.9), Cm(1.4), Cm(2.9))


def write_offer(path: Path, offer: Offer) -> None:
    """Write the quotation to `path`."""
    document = docx.Document()
    _set_properties(document, offer)
    _letterhead(document, offer)
    document.add_heading(offer.title, level=1)
    _details(document, offer.details)
    for paragraph in offer.opening:
        document.add_paragraph(paragraph)
    _prices(document, offer)
    document.add_heading(offer.wording.terms, level=2)
    for term in offer.terms:
        document.add_paragraph(term, style="List Bullet")
    for line in offer.closing:
        document.add_paragraph(line)
    buffer = io.BytesIO()
    document.save(buffer)
    path.write_bytes(_without_times(buffer.getvalue()))


def _set_properties(document: Document, offer: Offer) -> None:
    properties = document.core_properties
    properties.title, properties.author, properties.language = offer.title, offer.sender[0], offer.language
    properties.comments = ""
    properties.created = properties.modified = datetime.combine(offer.written, time(9), UTC)
    style = document.styles["Normal"]
    style.font.name, style.font.size = "Calibri", Pt(10.5)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), "Calibri")


def _letterhead(document: Document, offer: Offer) -> None:
    section = document.sections[0]
    section.left_margin = section.right_margin = Cm(2.3)
    section.footer.paragraphs[0].text = " | ".join(offer.sender)
    sender = document.add_paragraph("\n".join(offer.sender))
    sender.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    document.add_paragraph("\n".join(offer.addressee))


def _details(document: Document, details: Sequence[tuple[str, str]]) -> None:
    table = document.add_table(rows=0, cols=2)
    for label, value in details:
        cells = table.add_row().cells
        cells[0].text, cells[1].text = label, value
        cells[0].width, cells[1].width = Cm(4.5), Cm(11.9)
    document.add_paragraph()


def _prices(document: Document, offer: Offer) -> None:
    wording = offer.wording
    table = document.add_table(rows=1, cols=len(wording.columns), style="Table Grid")
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    _fill(table, 0, wording.columns, bold=True)
    for line in offer.lines:
        price, amount = _money(line.price, offer), _money(line.amount, offer)
        _append(table, (line.description, str(line.quantity), price, f"{line.vat}%", amount))
    _append(table, (wording.net, "", "", "", _money(offer.net, offer)), bold=True)
    for rate, tax in offer.vat.items():
        _append(table, (wording.vat.format(rate), "", "", "", _money(tax, offer)))
    _append(table, (wording.gross, "", "", "", _money(offer.gross, offer)), bold=True)
    document.add_paragraph()


def _append(table: Table, texts: Sequence[str], *, bold: bool = False) -> None:
    table.add_row()
    _fill(table, len(table.rows) - 1, texts, bold=bold)


def _fill(table: Table, row: int, texts: Sequence[str], *, bold: bool = False) -> None:
    for column, (cell, text) in enumerate(zip(table.rows[row].cells, texts, strict=True)):
        cell.width = WIDTHS[column]
        paragraph = cell.paragraphs[0]
        paragraph.add_run(text).bold = bold
        if column:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT


def _money(amount: Decimal, offer: Offer) -> str:
    return offer.wording.money.format(dutch(amount, decimals=2))


def _without_times(archive: bytes) -> bytes:
    """The same zip archive with every member dated 1980, so that it is the same bytes on any day."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name, ZIP_EPOCH), source.read(name), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
