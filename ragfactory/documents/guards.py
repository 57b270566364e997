"""Checks that every parser makes: the file can be read, is what its name says, and came out as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.errors import DocumentError, EmptyDocumentError

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.documents.model import Document

_SIGNATURES = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive (or DOCX, XLSX, PPTX, ODT)"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file (DOC, XLS, PPT) or one with a password"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"{\\rtf", "an RTF document"),
    (b"\x1f\x8b\x08", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"ID3", "an MP3 recording"),
)


def kind_of(head: bytes) -> str | None:
    """What a file that starts with these bytes holds, in words; None when no known signature is there."""
    if head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        return "an image, sound or film (RIFF)"
    if head[4:8] == b"ftyp":
        return "a film, recording or picture (MP4, HEIC)"
    return next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), None)


def read_bytes(path: Path) -> bytes:
    """The whole file. Raises DocumentError when it cannot be read, EmptyDocumentError when it is 0 bytes long."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}", path=str(path)) from error
    if not data:
        raise EmptyDocumentError("the file is 0 bytes long", path=str(path))
    return data


def mistyped(path: Path, holds: str) -> DocumentError:
    """The error for a file whose name promises something else than it holds."""
    return DocumentError(
        f"named {path.suffix.lower() or path.name} but holds {holds}",
        hint="give the file the extension of what it holds",
        path=str(path),
    )


def with_text(document: Document, path: Path) -> Document:
    """The same document. Raises EmptyDocumentError when it has no blocks."""
    if not document.blocks:
        raise EmptyDocumentError(f"no text was found in this {document.format} file", path=str(path))
    return document
