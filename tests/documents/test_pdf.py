"""PDF files as files: what opens, what is refused and why, title, metadata and pages."""

from __future__ import annotations

import io

import pymupdf
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen import canvas

from ragfactory.documents.formats.pdf import PARSER, parse
from ragfactory.documents.model import Document
from ragfactory.documents.pdf.reading import HUNT_LIMIT, read_pages
from ragfactory.errors import DocumentError, EmptyDocumentError, EncryptedDocumentError
from ragfactory.profiles import Parse


def make(path, pages, title=None, **metadata):
    """A PDF with these lines of text a page, the first of each page large."""
    drawing = canvas.Canvas(str(path), pagesize=A4)
    if title:
        drawing.setTitle(title)
    if "author" in metadata:
        drawing.setAuthor(metadata["author"])
    for lines in pages:
        for number, line in enumerate(lines):
            drawing.setFont("Helvetica", 18 if number == 0 else 10)
            drawing.drawString(60, 760 - 30 * number, line)
        drawing.showPage()
    drawing.save()
    return path


LINES = ["Plan voor de boomgaard", "In het voorjaar worden de oude perenbomen gesnoeid en de jonge stammen gestut."]


def test_pages_are_counted_from_one(tmp_path):
    doc = parse(
        make(
            tmp_path / "a.pdf", [LINES, ["Oogst", "De oogst begint in de tweede week van september, als het droog is."]]
        ),
        Parse(),
    )
    assert (doc.format, doc.page_count) == ("pdf", 2)
    assert [block.page for block in doc.blocks] == [1, 1, 2, 2]
    assert Document.from_json(doc.to_json()) == doc


@pytest.mark.parametrize(
    ("stated", "title"),
    [
        ("Plan voor de boomgaard 2025", "Plan voor de boomgaard 2025"),
        ("Microsoft Word - plan_v3.docx", "Plan voor de boomgaard"),
        ("sjabloon_offerte.indd", "Plan voor de boomgaard"),
        ("Briefpapier hoofdkantoor Arnhem", "Plan voor de boomgaard"),
        (None, "Plan voor de boomgaard"),
    ],
)
def test_the_stated_title_counts_when_the_text_bears_it_out(tmp_path, stated, title):
    assert parse(make(tmp_path / "a.pdf", [LINES], title=stated), Parse()).title == title


def test_author_and_date(tmp_path):
    doc = parse(make(tmp_path / "a.pdf", [LINES], author="Kwekerij Zonnedauw"), Parse())
    assert doc.metadata["author"] == "Kwekerij Zonnedauw"
    assert doc.metadata["created"].startswith("20")


def encrypted(tmp_path, user_password):
    source = pymupdf.open(make(tmp_path / "open.pdf", [LINES]))
    path = tmp_path / "closed.pdf"
    source.save(path, encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="baas", user_pw=user_password)
    return path


def test_a_password_is_asked_for(tmp_path):
    with pytest.raises(EncryptedDocumentError):
        parse(encrypted(tmp_path, "geheim"), Parse())


def test_an_owner_password_alone_does_not_stop_reading(tmp_path):
    assert "perenbomen" in parse(encrypted(tmp_path, ""), Parse()).text


@pytest.mark.parametrize(
    ("content", "holds"),
    [
        (b"", "nothing"),
        (b"<!DOCTYPE html><html><body>Niet gevonden</body></html>", "HTML"),
        (b"PK\x03\x04" + bytes(60), "a ZIP archive or Office file"),
        (b"Geachte heer, hierbij de offerte.", "plain text"),
        (bytes(range(128, 256)), "unknown data"),
    ],
)
def test_another_file_under_the_name_of_a_pdf(tmp_path, content, holds):
    path = tmp_path / "offerte.pdf"
    path.write_bytes(content)
    with pytest.raises(DocumentError, match="does not start as one") as raised:
        parse(path, Parse())
    assert holds in raised.value.message
    assert raised.value.path == str(path)


def test_a_damaged_file_says_so_and_prints_nothing(tmp_path, capfd):
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7\n" + b"\x00\xff garbage " * 50)
    with pytest.raises(DocumentError, match="damaged"):
        parse(path, Parse())
    assert capfd.readouterr() == ("", "")


def test_a_file_cut_short_gives_what_is_left(tmp_path, capfd):
    whole = make(tmp_path / "whole.pdf", [LINES, ["Oogst", "De peren zijn in september rijp."]]).read_bytes()
    path = tmp_path / "a.pdf"
    path.write_bytes(whole[: int(len(whole) * 0.9)])
    assert "perenbomen" in parse(path, Parse()).text
    assert capfd.readouterr() == ("", "")


def scan():
    picture = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.IRect(0, 0, 40, 40), False)
    picture.clear_with(200)
    return io.BytesIO(picture.tobytes("png"))


def test_a_scan_needs_ocr(tmp_path):
    doc = pymupdf.open()
    for _ in range(3):
        doc.new_page().insert_image(pymupdf.Rect(50, 50, 500, 700), stream=scan())
    doc.save(tmp_path / "a.pdf")
    with pytest.raises(EmptyDocumentError, match="3 pages of images") as raised:
        parse(tmp_path / "a.pdf", Parse())
    assert "OCR" in raised.value.hint


def test_blank_pages_hold_no_text(tmp_path):
    doc = pymupdf.open()
    doc.new_page()
    doc.save(tmp_path / "a.pdf")
    with pytest.raises(EmptyDocumentError, match="no text"):
        parse(tmp_path / "a.pdf", Parse())


def test_a_scanned_page_among_others_is_named(tmp_path):
    doc = pymupdf.open(make(tmp_path / "text.pdf", [LINES, LINES]))
    doc.new_page(1).insert_image(pymupdf.Rect(50, 50, 500, 700), stream=scan())
    doc.save(tmp_path / "a.pdf")
    (warning,) = parse(tmp_path / "a.pdf", Parse()).warnings
    assert "page 2" in warning
    assert "OCR" in warning


def test_a_page_dense_with_drawings_is_read_without_the_hunt(tmp_path):
    doc = pymupdf.open(make(tmp_path / "text.pdf", [LINES]))
    shape = doc[0].new_shape()
    steps = int(HUNT_LIMIT**0.5) // 2 + 2
    for step in range(steps):
        shape.draw_rect(pymupdf.Rect(50 + 2 * step, 300 + 2 * step, 50.9 + 2 * step, 309 + 2 * step))
    shape.finish()
    shape.commit()
    doc.save(tmp_path / "a.pdf")
    read = parse(tmp_path / "a.pdf", Parse())
    assert "perenbomen" in read.text
    assert "drawings" in read.warnings[0]
    assert parse(tmp_path / "a.pdf", Parse(tables="off")).warnings == ()


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_page_reads_as_an_upright_one(tmp_path, rotation):
    path = make(tmp_path / "upright.pdf", [LINES])
    doc = pymupdf.open(path)
    doc[0].set_rotation(rotation)
    doc.save(tmp_path / "turned.pdf")
    assert parse(tmp_path / "turned.pdf", Parse()).text == parse(path, Parse()).text


def test_text_that_runs_up_the_page_is_kept(tmp_path):
    doc = pymupdf.open(make(tmp_path / "text.pdf", [LINES]))
    doc[0].insert_text((40, 500), "Concept ter bespreking", rotate=90)
    doc.save(tmp_path / "a.pdf")
    assert "Concept ter bespreking" in parse(tmp_path / "a.pdf", Parse()).text


def test_pages_can_be_read_in_ranges(tmp_path):
    doc = pymupdf.open(
        make(tmp_path / "a.pdf", [[f"Deel {n}", f"Hier staat de tekst van deel {n}."] for n in range(1, 6)])
    )
    whole = read_pages(doc, range(1, 6), "auto")
    assert read_pages(doc, range(1, 3), "auto") + read_pages(doc, range(3, 6), "auto") == whole


def test_the_parser_reads_pdf_files():
    assert (PARSER.name, PARSER.extensions) == ("pdf", (".pdf",))


def test_a_file_that_was_cut_off_is_damaged_and_not_a_short_document(tmp_path):
    whole = pymupdf.open()
    for number in range(1, 7):
        whole.new_page().insert_text((72, 72), f"Pagina {number} van het verslag over de gebouwen")
    data = whole.tobytes(deflate=False)
    path = tmp_path / "half.pdf"
    path.write_bytes(
        data[: data.index(b"Pagina 4".hex().encode()) if b"Pagina 4".hex().encode() in data else len(data) * 2 // 3]
    )
    with pytest.raises(DocumentError, match="damaged"):
        parse(path, Parse())
