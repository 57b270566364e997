"""Opens an Office Open XML file (DOCX and its kin): checked before anything is unpacked, parts found by their relations."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from typing import TYPE_CHECKING, Self

from ragfactory.documents.guards import kind_of, mistyped
from ragfactory.errors import DocumentError, DocumentTooLargeError, EmptyDocumentError, EncryptedDocumentError

if TYPE_CHECKING:
    from pathlib import Path

    from lxml.etree import _Element

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAX_UNPACKED = 1 << 30  # bytes, all parts together
_MAX_PART = 256 << 20  # bytes of one XML part; as a tree it takes several times that


class Package:
    """An open package. Use it as a context manager.

    Opening raises EncryptedDocumentError for a file with a password, DocumentTooLargeError for one that would unpack to over 1
    GiB, DocumentError for anything else that is not a whole ZIP archive.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        _check_signature(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
            raise self._damaged(error) from error
        entries = self._zip.infolist()
        if sum(entry.file_size for entry in entries) > _MAX_UNPACKED:
            raise DocumentTooLargeError(
                "unpacks to over 1 GiB", hint="a real document does not: see who sent it", path=str(path)
            )
        if any(entry.flag_bits & 0x1 for entry in entries):
            raise EncryptedDocumentError("a ZIP archive with a password", path=str(path))
        self._names = {entry.filename.lower(): entry for entry in entries}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def related(self, relation: str, of: str = "") -> str | None:
        """The name of the part that the part `of` (the package itself by default) has this relation to, such as `styles`."""
        folder, name = posixpath.split(of)
        root = self.part(posixpath.join(folder, "_rels", f"{name}.rels"))
        for entry in () if root is None else root:
            if entry.get("Type", "").endswith(f"/{relation}") and entry.get("TargetMode") != "External":
                target = entry.get("Target", "")
                return posixpath.normpath(
                    target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
                )
        return None

    def part(self, name: str | None) -> _Element | None:
        """The root element of a part, comments left out; None when there is no such part.

        Raises DocumentError when it is damaged, DocumentTooLargeError when it is over 256 MiB.
        """
        from lxml import etree

        entry = self._names.get((name or "").lower())
        if entry is None:
            return None
        if entry.file_size > _MAX_PART:
            raise DocumentTooLargeError(f"{entry.filename} in it is over 256 MiB", path=str(self._path))
        parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
        try:
            return etree.fromstring(self._zip.read(entry), parser)
        except (etree.XMLSyntaxError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DocumentError:
        return DocumentError(
            f"the file is damaged: {error}", hint="open it in Word and save it anew", path=str(self._path)
        )


def local_name(element: _Element) -> str:
    """The name of an element without its namespace, of which there are two: transitional and strict."""
    return str(element.tag).rpartition("}")[2]


def attribute(element: _Element, name: str) -> str | None:
    """The value of an attribute, whatever its namespace."""
    return next((str(value) for key, value in element.attrib.items() if str(key).rpartition("}")[2] == name), None)


def child(element: _Element | None, *path: str) -> _Element | None:
    """The first descendant on this path of local names."""
    for name in path:
        element = None if element is None else next(element.iterchildren(f"{{*}}{name}"), None)
    return element


def _check_signature(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}", path=str(path)) from error
    if not head:
        raise EmptyDocumentError("the file is 0 bytes long", path=str(path))
    if head.startswith(_OLE):
        raise EncryptedDocumentError(
            "a password-protected or old .doc file", hint="save it as .docx without a password", path=str(path)
        )
    if not head.startswith(b"PK"):
        raise mistyped(path, kind_of(head) or "something that is not a ZIP archive")
