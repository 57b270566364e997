from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import docx
import pytest

from ragfactory.documents.model import BlockKind
from ragfactory.errors import DocumentError, DocumentTooLargeError, EmptyDocumentError, EncryptedDocumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.documents.model import Document, Table

    Reader = Callable[[str, str | bytes], Document]

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def relations(**targets: str) -> str:
    entries = "".join(f'<Relationship Id="{n}" Type="{OFFICE}/{n}" Target="{t}"/>' for n, t in targets.items())
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{entries}</Relationships>'
    )


def package(body: str, **parts: str) -> bytes:
    """A DOCX with this body, and parts (styles, numbering, footnotes) by their relation to it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("_rels/.rels", relations(officeDocument="/word/document.xml"))
        archive.writestr("word/_rels/document.xml.rels", relations(**{name: f"{name}.xml" for name in parts}))
        archive.writestr("word/document.xml", f"<w:document {W}><w:body>{body}</w:body></w:document>")
        for name, content in parts.items():
            archive.writestr(f"word/{name}.xml", f"<w:{name} {W}>{content}</w:{name}>")
    return buffer.getvalue()


def p(text: str, style: str = "", properties: str = "", run: str = "") -> str:
    style_xml = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{style_xml}{properties}</w:pPr><w:r><w:rPr>{run}</w:rPr><w:t>{text}</w:t></w:r></w:p>"


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{p(text)}</w:tc>"


def table(*rows: list[str]) -> str:
    lines = (f"<w:tr>{''.join(row)}</w:tr>" for row in rows)
    return f"<w:tbl>{''.join(lines)}</w:tbl>"


def outline(document: Document) -> list[tuple[str, str]]:
    return [(block.kind.value, document.text_of(block)) for block in document.blocks]


def only_table(document: Document) -> Table:
    (block,) = document.tables()
    assert block.table is not None
    return block.table


def test_a_file_of_a_real_writer(read_document: Reader) -> None:
    written = docx.Document()
    written.core_properties.title = "Offerte zonnepanelen"
    written.core_properties.author = "J. Smit"
    written.add_heading("Aanbod", level=1)
    written.add_paragraph("Wij leveren:")
    written.add_paragraph("panelen", style="List Bullet")
    written.add_paragraph("omvormers", style="List Bullet")
    written.add_paragraph("eerst", style="List Number")
    written.add_paragraph("daarna", style="List Number")
    written.add_paragraph("Tabel 1: prijzen", style="Caption")
    rows = written.add_table(rows=2, cols=2).rows
    for row, texts in zip(rows, [("Post", "2023"), ("Panelen", "€ 4.500")], strict=True):
        for into, text in zip(row.cells, texts, strict=True):
            into.text = text
    written.sections[0].header.paragraphs[0].text = "Vertrouwelijk"
    buffer = io.BytesIO()
    written.save(buffer)

    document = read_document("a.docx", buffer.getvalue())

    assert document.title == "Offerte zonnepanelen"
    assert document.metadata == {"author": "J. Smit"}
    assert outline(document) == [
        ("heading", "Aanbod"),
        ("paragraph", "Wij leveren:"),
        ("list", "- panelen\n- omvormers\n1. eerst\n2. daarna"),
        ("caption", "Tabel 1: prijzen"),
        ("table", "Post | 2023\nPanelen | € 4.500"),
    ]
    assert only_table(document).caption == "Tabel 1: prijzen"
    assert only_table(document).columns == ("Post", "2023")


@pytest.mark.parametrize("style", ["Kop 2", "Kop2", "Überschrift 2", "Titre 2", "Heading 2"])
def test_headings_in_any_language(read_document: Reader, style: str) -> None:
    document = read_document("a.docx", package(p("Doel", style) + p("Tekst.")))
    assert [(b.kind.value, b.level, b.headings) for b in document.blocks] == [
        ("heading", 2, ()),
        ("paragraph", None, ("Doel",)),
    ]


def test_headings_by_what_a_style_is_based_on_and_by_outline_level(read_document: Reader) -> None:
    styles = (
        '<w:style w:styleId="Kop1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="Eigen"><w:name w:val="Eigen stijl"/><w:basedOn w:val="Kop1"/></w:style>'
        '<w:style w:styleId="Rond"><w:name w:val="Rond"/><w:basedOn w:val="Rond"/></w:style>'
    )
    body = p("Een", "Eigen") + p("Twee", properties='<w:outlineLvl w:val="2"/>') + p("Drie", "Rond")
    document = read_document("a.docx", package(body, styles=styles))
    assert [b.level for b in document.blocks] == [1, 3, None]
    assert document.title == "Een"


def test_headings_by_their_font_where_there_are_no_styles(read_document: Reader) -> None:
    body = (
        p("Titel", run='<w:sz w:val="40"/>')
        + p("Onderdeel", run='<w:sz w:val="28"/>')
        + p("Gewone tekst die het meeste is. " * 5, run='<w:sz w:val="22"/>')
    )
    assert [b.level for b in read_document("a.docx", package(body)).blocks] == [1, 2, None]


def test_tracked_changes_are_accepted(read_document: Reader) -> None:
    body = (
        '<w:p><w:r><w:t xml:space="preserve">Blijft </w:t></w:r><w:ins><w:r><w:t>nieuw</w:t></w:r></w:ins>'
        "<w:del><w:r><w:delText>oud</w:delText><w:t>oud</w:t></w:r></w:del><w:moveFrom><w:r><w:t>weg</w:t></w:r></w:moveFrom>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>verborgen</w:t></w:r><w:hyperlink><w:r><w:t>, link</w:t></w:r></w:hyperlink></w:p>"
    )
    assert outline(read_document("a.docx", package(body))) == [("paragraph", "Blijft nieuw, link")]


def test_content_controls_and_text_boxes(read_document: Reader) -> None:
    body = (
        f"<w:sdt><w:sdtContent>{p('In een veld')}</w:sdtContent></w:sdt>"
        "<w:p><w:r><w:t>Anker</w:t></w:r><w:r><w:AlternateContent><w:Choice><w:txbxContent>"
        f"{p('In een kader')}</w:txbxContent></w:Choice><w:Fallback><w:txbxContent>{p('In een kader')}</w:txbxContent></w:Fallback>"
        "</w:AlternateContent></w:r></w:p>"
    )
    assert outline(read_document("a.docx", package(body))) == [
        ("paragraph", "In een veld"),
        ("paragraph", "Anker"),
        ("paragraph", "In een kader"),
    ]


def test_notes_follow_what_refers_to_them(read_document: Reader) -> None:
    body = '<w:p><w:r><w:t>Met noot</w:t><w:footnoteReference w:id="2"/></w:r></w:p>' + p("Daarna")
    document = read_document("a.docx", package(body, footnotes=f'<w:footnote w:id="2">{p("De noot.")}</w:footnote>'))
    assert [text for _, text in outline(document)] == ["Met noot", "De noot.", "Daarna"]


def test_merged_cells_stand_once(read_document: Reader) -> None:
    body = table(
        [cell("Post"), cell("Jaar", '<w:gridSpan w:val="2"/>')],
        [cell("Gebouwen", '<w:vMerge w:val="restart"/>'), cell("1"), cell("2")],
        [cell("", "<w:vMerge/>"), cell("3"), cell("4")],
    )
    document = read_document("a.docx", package(body))
    assert only_table(document).rows == (("Post", "Jaar", ""), ("Gebouwen", "1", "2"), ("", "3", "4"))


def test_a_row_marked_as_head(read_document: Reader) -> None:
    body = table(["<w:trPr><w:tblHeader/></w:trPr>", cell("Naam"), cell("Plaats")], [cell("Jan"), cell("Ede")])
    assert only_table(read_document("a.docx", package(body))).columns == ("Naam", "Plaats")


def test_a_table_of_one_column_is_text(read_document: Reader) -> None:
    assert outline(read_document("a.docx", package(table([cell("Kader")])))) == [("paragraph", "Kader")]


def test_numbered_lists_count_by_level(read_document: Reader) -> None:
    levels = "".join(f'<w:lvl w:ilvl="{i}"><w:numFmt w:val="decimal"/></w:lvl>' for i in range(2))
    abstract = f'<w:abstractNum w:abstractNumId="5">{levels}</w:abstractNum>'
    numbering = abstract + '<w:num w:numId="1"><w:abstractNumId w:val="5"/></w:num>'

    def item(text: str, level: int) -> str:
        return p(text, properties=f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="1"/></w:numPr>')

    body = item("a", 0) + item("b", 1) + item("c", 1) + item("d", 0) + item("e", 1)
    document = read_document("a.docx", package(body, numbering=numbering))
    assert outline(document) == [("list", "1. a\n  1. b\n  2. c\n2. d\n  1. e")]


def test_the_table_of_contents_is_left_out(read_document: Reader) -> None:
    styles = '<w:style w:styleId="Inhopg1"><w:name w:val="toc 1"/></w:style>'
    body = p("Inleiding 3", "Inhopg1") + p("Inleiding", "Kop1")
    assert outline(read_document("a.docx", package(body, styles=styles))) == [("heading", "Inleiding")]


def test_a_transcript_becomes_turns(read_document: Reader) -> None:
    body = "".join(p(f"{speaker}: tekst {i}") for i, speaker in enumerate(["Coach", "Jan"] * 3))
    document = read_document("a.docx", package(body))
    assert [b.speaker for b in document.blocks] == ["Coach", "Jan"] * 3
    assert {b.kind for b in document.blocks} == {BlockKind.TURN}


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", EmptyDocumentError, "0 bytes"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), EncryptedDocumentError, "password-protected or old"),
        (b"%PDF-1.7 ...", DocumentError, r"named \.docx but holds a PDF"),
        (b"gewone tekst", DocumentError, "not a ZIP"),
        (package(p("heel"))[:-40], DocumentError, "damaged"),
        (package("<w:p>"), DocumentError, "damaged"),
        (package("<w:p>" * 400 + "</w:p>" * 400), DocumentError, "damaged"),
        (package(""), EmptyDocumentError, "no text"),
    ],
)
def test_refusals(read_document: Reader, content: bytes, error: type[DocumentError], message: str) -> None:
    with pytest.raises(error, match=message):
        read_document("a.docx", content)


def test_other_archives_are_named(read_document: Reader) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("_rels/.rels", relations(officeDocument="xl/workbook.xml"))
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(DocumentError, match="XLSX"):
        read_document("a.docx", buffer.getvalue())


def test_entities_are_not_expanded(read_document: Reader) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("_rels/.rels", relations(officeDocument="word/document.xml"))
        doctype = '<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
        archive.writestr(
            "word/document.xml", f"{doctype}<w:document {W}><w:body>{p('begin &e; einde')}</w:body></w:document>"
        )
    assert "root:" not in read_document("a.docx", buffer.getvalue()).text


def test_a_zip_bomb_is_not_unpacked(read_document: Reader) -> None:
    buffer = io.BytesIO(package(p("tekst")))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("word/media/a.bin", b"")
        archive.infolist()[-1].file_size = 2 << 30
    with pytest.raises(DocumentTooLargeError, match="1 GiB"):
        read_document("a.docx", buffer.getvalue())
