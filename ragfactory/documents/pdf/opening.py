"""Opens a PDF file, or says why it cannot be read."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ragfactory.documents.pdf.model import PdfInfo
from ragfactory.errors import DocumentError, EmptyDocumentError, EncryptedDocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pymupdf

    from ragfactory.documents.pdf.model import RawPage

HEADER_WINDOW = 1024  # bytes; readers accept some bytes before the %PDF- mark

_KINDS = ((b"PK\x03\x04", "a ZIP archive or Office file"), (b"\xd0\xcf\x11\xe0", "an old Office file"),
          (b"\x89PNG", "a PNG image"), (b"\xff\xd8\xff", "a JPEG image"), (b"{\\rtf", "RTF"))  # fmt: skip
_PDF_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:(Z)|([+-])(\d\d)'?(\d\d)?)?")
_NO_NAME = re.compile(r"(?i)\(?(?:anonymous|unspecified|unknown)\)?$")
_NO_TITLE = re.compile(
    r"(?i)\(?(?:anonymous|unspecified)|untitled|naamloos|ohne titel|sans titre|microsoft \w+ - "
    r"|.*\.(?:docx?|xlsx?|pptx?|indd|pdf|qxd|rtf|tex|html?)$"
)


@contextmanager
def open_pdf(path: Path) -> Iterator[pymupdf.Document]:
    """The opened file, closed on leaving. A file with only an owner password opens; MuPDF's own messages are silenced.

    Raises EncryptedDocumentError when it asks for a password, DocumentError when it is not a PDF or too damaged to read.
    """
    import pymupdf

    _check_mark(path)
    mupdf: Any = pymupdf
    mupdf.TOOLS.mupdf_display_errors(False)
    mupdf.TOOLS.mupdf_display_warnings(False)
    try:
        doc = mupdf.open(path, filetype="pdf")
    except (RuntimeError, ValueError, mupdf.mupdf.FzErrorBase) as error:
        raise _damaged(path, str(error)) from error
    with doc:
        if doc.needs_pass and not doc.authenticate(""):
            raise EncryptedDocumentError(
                "the PDF asks for a password", hint="save a copy without a password", path=str(path)
            )
        if doc.page_count == 0:
            raise _damaged(path, "no page could be found in it")
        if doc.is_repaired and (lost := [page.number + 1 for page in doc if not page.get_contents()]):
            raise _damaged(path, f"{len(lost)} of its {doc.page_count} pages are lost, page {lost[0]} among them")
        yield doc


def read_info(doc: pymupdf.Document) -> PdfInfo:
    """Page count, title and metadata (`author`, `created` in ISO 8601) as the file gives them, nonsense left out."""
    raw = doc.metadata or {}
    title, author = ((raw.get(key) or "").strip() for key in ("title", "author"))
    metadata = {"author": "" if _NO_NAME.match(author) else author, "created": iso_date(raw.get("creationDate") or "")}
    return PdfInfo(
        page_count=doc.page_count,
        title=title if sum(map(str.isalpha, title)) >= 3 and not _NO_TITLE.match(title) else None,
        metadata={key: value for key, value in metadata.items() if value},
    )


def without_text(path: Path, doc: pymupdf.Document, pages: Sequence[RawPage]) -> DocumentError:
    """The error for a file none of whose pages gave text."""
    unread = [page.warnings[0] for page in pages if page.unread]
    if unread:
        return _damaged(path, unread[0])
    pictures = sum(bool(doc.get_page_images(number)) for number in range(doc.page_count))
    if pictures:
        count = "1 page" if pictures == 1 else f"{pictures} pages"
        return EmptyDocumentError(
            f"the PDF holds no text: it has {count} of images", hint="it needs OCR first", path=str(path)
        )
    return EmptyDocumentError("the PDF holds no text", path=str(path))


def iso_date(date: str) -> str:
    """A PDF date (`D:20240131120000+01'00'`, ISO 32000-1 7.9.4) in ISO 8601, or nothing when it is not one."""
    match = _PDF_DATE.match(date)
    if not match:
        return ""
    numbers = [
        int(part) if part else default for part, default in zip(match.groups()[:6], (1, 1, 1, 0, 0, 0), strict=True)
    ]
    try:
        moment = datetime(*numbers).isoformat()  # type: ignore[arg-type]  # noqa: DTZ001 - the zone is added as given
    except ValueError:
        return ""
    utc, sign, hours, minutes = match.groups()[6:]
    return moment + ("+00:00" if utc else f"{sign}{hours}:{minutes or '00'}" if sign else "")


def _check_mark(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(HEADER_WINDOW)
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}", path=str(path)) from error
    if b"%PDF-" in start:
        return
    raise DocumentError(f"named .pdf but does not start as one (holds {_kind(start)})", path=str(path))


def _kind(start: bytes) -> str:
    if not start:
        return "nothing"
    for mark, kind in _KINDS:
        if start.startswith(mark):
            return kind
    text = start.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    return "plain text" if start.isascii() and b"\x00" not in start else "unknown data"


def _damaged(path: Path, reason: str) -> DocumentError:
    return DocumentError(
        f"the PDF is damaged: {reason}",
        hint="open and save it again in a PDF reader, or ask for a new copy",
        path=str(path),
    )
