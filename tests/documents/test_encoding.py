from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.documents.encoding import decode, read_text
from ragfactory.errors import DocumentError, EmptyDocumentError

if TYPE_CHECKING:
    from pathlib import Path

DUTCH = "Eén coördinator: ’s avonds is het café geopend – reünie geëvalueerd."
GERMAN = "Die Gebäude in Köln: Größe und Übergabe, außen geprüft."
FRENCH = "Où êtes-vous ? Crème brûlée à la française, ça coûte très cher."


@pytest.mark.parametrize("text", [DUTCH, GERMAN, FRENCH])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "mac_roman"]
)
def test_accents_survive(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("text", [GERMAN, FRENCH, "financiële", "Gebäude"])
def test_accents_survive_the_dos_code_page(text: str) -> None:
    assert decode(text.encode("cp850")) == text


@pytest.mark.parametrize(
    "text", ["Prijs: € 100", "50€", "Totaal € 12,50 excl. btw", "Café", "Ü", "“Hallo”", "garçon", "± 3 m²", "ÉÉN"]
)
def test_short_windows_files(text: str) -> None:
    assert decode(text.encode("cp1252")) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Zażółć gęślą jaźń, proszę bardzo. Wartość budynków została oszacowana.", "cp1250"),
        ("Стоимость зданий составляет миллион рублей.", "cp1251"),
    ],
)
def test_beyond_western_europe(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_one_broken_character_does_not_spoil_the_rest_of_utf8() -> None:
    data = (DUTCH * 10).encode() + b"\xff" + GERMAN.encode()
    assert decode(data) == DUTCH * 10 + "\ufffd" + GERMAN


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('<meta charset="windows-1251"><p>Да'.encode("cp1251"), "Да"),
        ('<?xml version="1.0" encoding="iso-8859-2"?><p>Łódź'.encode("iso-8859-2"), "Łódź"),
        ('<meta charset="iso-8859-1"><p>€ 5'.encode("cp1252"), "€ 5"),
        ('<meta charset="no-such-thing"><p>Größe'.encode("cp1252"), "Größe"),
        ('<meta charset="iso-8859-1"><p>Größe'.encode(), "Größe"),
    ],
)
def test_a_declaration_is_honoured_unless_the_bytes_are_utf8(data: bytes, text: str) -> None:
    assert decode(data).endswith(f"<p>{text}") or decode(data).endswith(f"?><p>{text}")


@pytest.mark.parametrize("data", [b"", b" \r\n\t ", b"\xef\xbb\xbf\n", "\u00a0\n".encode()])
def test_nothing_but_white_space(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "leeg.txt"
    path.write_bytes(data)
    with pytest.raises(EmptyDocumentError):
        read_text(path)


@pytest.mark.parametrize(
    ("data", "holds"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "PNG"),
        (b"PK\x03\x04\x14\x00\x06\x00", "ZIP"),
        (b"%PDF-1.7\n%plain ascii", "PDF"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "JPEG"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "RIFF"),
        (b"text and then \x00\x01\x02 more text", "binary"),
        (bytes(range(1, 32)) * 20, "binary"),
    ],
)
def test_binary_data_is_named(tmp_path: Path, data: bytes, holds: str) -> None:
    path = tmp_path / "notitie.txt"
    path.write_bytes(data)
    with pytest.raises(DocumentError, match=rf"named \.txt but holds .*{holds}"):
        read_text(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read"):
        read_text(tmp_path / "weg.txt")
