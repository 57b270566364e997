from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.documents.model import BlockKind
from ragfactory.errors import DocumentError, EmptyDocumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.documents.model import Document

    Reader = Callable[[str, str | bytes], Document]


def outline(document: Document) -> list[tuple[str, str]]:
    return [(block.kind.value, document.text_of(block)) for block in document.blocks]


def headings(document: Document) -> list[tuple[int | None, str]]:
    return [(b.level, document.text_of(b)) for b in document.blocks if b.kind is BlockKind.HEADING]


def test_paragraphs_keep_their_line_breaks(read_document: Reader) -> None:
    document = read_document("a.txt", "Eerste regel\r\ntweede regel\r\n\r\n\r\nNieuwe alinea\r\n")
    assert outline(document) == [("paragraph", "Eerste regel\ntweede regel"), ("paragraph", "Nieuwe alinea")]
    assert document.page_count is None


def test_evident_headings(read_document: Reader) -> None:
    document = read_document(
        "a.txt",
        "JAARVERSLAG 2023\n\n1. Inleiding\n\nTekst van de inleiding.\n\n1.1 Doel van het verslag\n\nMeer tekst.\n\n"
        "Financiën\n=========\nOver geld gaat dit.\n\n2. Vooruitzicht\n\nSlot.\n\nArtikel 5 Aansprakelijkheid\n\nEinde.\n",
    )
    assert headings(document) == [
        (1, "JAARVERSLAG 2023"),
        (2, "1. Inleiding"),
        (3, "1.1 Doel van het verslag"),
        (1, "Financiën"),
        (2, "2. Vooruitzicht"),
        (2, "Artikel 5 Aansprakelijkheid"),
    ]
    assert document.title == "JAARVERSLAG 2023"


@pytest.mark.parametrize(
    "line",
    [
        "31. Dezember 2023",
        "1.250 Gebouwen",
        "IBAN NL91 0417 1643 00",
        "Betreft: offerte",
        "5 appels",
        "Dit is een gewone zin.",
    ],
)
def test_what_is_no_heading(read_document: Reader, line: str) -> None:
    assert headings(read_document("a.txt", f"Een alinea vooraf.\n\n{line}\n\nEen alinea erna.\n")) == []


def test_a_text_all_in_capitals_has_no_headings(read_document: Reader) -> None:
    assert headings(read_document("a.txt", "ALLES STAAT HIER\n\nIN HOOFDLETTERS\n\nGESCHREVEN\n")) == []


def test_a_list_after_its_lead(read_document: Reader) -> None:
    document = read_document("a.txt", "Wij leveren:\n- panelen\n- omvormers\n  met garantie\n")
    assert outline(document) == [("paragraph", "Wij leveren:"), ("list", "- panelen\n- omvormers\n  met garantie")]


def test_page_marks_number_the_blocks_and_leave_the_text(read_document: Reader) -> None:
    document = read_document("a.txt", "[PAGE 1]\nEen.\n\n[PAGE 2]\nTwee.\nNog twee.\n[PAGE 3]\nDrie.\n")
    assert [(b.page, document.text_of(b)) for b in document.blocks] == [
        (1, "Een."),
        (2, "Twee.\nNog twee."),
        (3, "Drie."),
    ]
    assert document.page_count == 3
    assert "PAGE" not in document.text


def test_form_feeds_begin_pages(read_document: Reader) -> None:
    document = read_document("a.txt", "Een.\n\fTwee.\n\n\fDrie.\n\f")
    assert [(b.page, document.text_of(b)) for b in document.blocks] == [(1, "Een."), (2, "Twee."), (3, "Drie.")]
    assert document.page_count == 3


def test_a_conversation_on_pages(read_document: Reader) -> None:
    document = read_document("a.txt", "[PAGE 1]\nCoach: Hoi\nJan: Dag\n[PAGE 2]\nCoach: En?\nJan: Goed\nwel hoor\n")
    assert [(b.speaker, b.page, document.text_of(b)) for b in document.blocks] == [
        ("Coach", 1, "Coach: Hoi"),
        ("Jan", 1, "Jan: Dag"),
        ("Coach", 2, "Coach: En?"),
        ("Jan", 2, "Jan: Goed\nwel hoor"),
    ]


def test_colours_of_a_log_are_dropped(read_document: Reader) -> None:
    assert read_document("run.log", "\x1b[31mfout\x1b[0m in regel 3\n").text == "fout in regel 3"


def test_offsets_point_at_the_text(read_document: Reader) -> None:
    document = read_document("a.txt", "KOP\n\nAlinea een.\n\n- a\n- b\n")
    assert "\n\n".join(document.text_of(block) for block in document.blocks) == document.text


def test_refusals(read_document: Reader) -> None:
    with pytest.raises(EmptyDocumentError):
        read_document("a.txt", "\n \n")
    with pytest.raises(EmptyDocumentError):
        read_document("a.txt", "[PAGE 1]\n\n[PAGE 2]\n")
    with pytest.raises(DocumentError, match="PNG"):
        read_document("a.txt", b"\x89PNG\r\n\x1a\n" + bytes(100))


def test_one_endless_line(read_document: Reader) -> None:
    assert len(read_document("a.txt", "woord: " * 300_000).text) == 300_000 * 7 - 1
