"""PDF files, read with MuPDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.documents.pdf.assemble import assemble
from ragfactory.documents.pdf.opening import open_pdf, read_info, without_text
from ragfactory.documents.pdf.reading import read_pages
from ragfactory.documents.registry import Parser

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.documents.model import Document
    from ragfactory.profiles import Parse


def parse(path: Path, options: Parse) -> Document:
    """The PDF as a document, its text in reading order, `options.tables` saying how tables are looked for.

    Raises EncryptedDocumentError when it asks for a password, EmptyDocumentError when no page holds text, DocumentError when it
    is damaged or no PDF.
    """
    with open_pdf(path) as doc:
        pages = read_pages(doc, range(1, doc.page_count + 1), options.tables)
        if not any(page.lines or page.sideways for page in pages):
            raise without_text(path, doc, pages)
        return assemble(pages, read_info(doc), options.tables)


PARSER = Parser(name="pdf", version="1", extensions=(".pdf",), parse=parse)
