"""PDF pages as text: reading order, furniture, headings, paragraphs, lists and mended lines."""

from __future__ import annotations

import re

import pymupdf
import pytest
from reportlab.lib.enums import TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.pdfgen import canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
)

from ragfactory.documents.formats.pdf import parse
from ragfactory.documents.model import BlockKind
from ragfactory.documents.pdf.mending import Mender
from ragfactory.profiles import Parse

STYLES = getSampleStyleSheet()
LEFT = (
    "De dijk langs de Waal is over een lengte van acht kilometer versterkt. De werkzaamheden duurden twee jaar en "
    "vielen goedkoper uit dan begroot, omdat de klei uit de uiterwaarden zelf kon komen. Bewoners kregen elke maand bericht."
)
RIGHT = (
    "Het nieuwe gemaal pompt vier kubieke meter water in de seconde en draait op stroom van eigen zonnepanelen. In de winter "
    "springt de oude dieselmotor bij wanneer het peil te hoog komt, wat vorig jaar in 2023 twee keer is gebeurd."
)


def blocks(doc, kind):
    return [doc.text_of(block) for block in doc.blocks if block.kind is kind]


def words(text):
    return re.findall(r"\w+", text)


def write(path, story, **options):
    SimpleDocTemplate(str(path), pagesize=A4, **options).build(story)
    return parse(path, Parse())


def two_columns(path, story, headed=False):
    """Two columns under a band that runs across the page."""
    doc = BaseDocTemplate(str(path), pagesize=A4)
    top = Frame(50, 640, 495, 150, id="top")
    columns = [Frame(x, 50, 235, 580 if headed else 740, id=f"c{x}") for x in (50, 310)]
    doc.addPageTemplates([PageTemplate("page", [top, *columns] if headed else columns)])
    doc.build(story)
    return parse(path, Parse())


@pytest.fixture
def lines(tmp_path):
    """A one-page document with text at given places: (x, y from the top, text, size, font)."""

    def draw(*placed):
        drawing = canvas.Canvas(str(tmp_path / "lines.pdf"), pagesize=A4)
        for x, y, text, *style in placed:
            size, font = (*style, *(10, "Helvetica")[len(style) :])
            drawing.setFont(font, size)
            drawing.drawString(x, A4[1] - y, text)
        drawing.save()
        return parse(tmp_path / "lines.pdf", Parse())

    return draw


def test_the_left_column_reads_before_the_right_one(tmp_path):
    from reportlab.platypus import FrameBreak

    story = [Paragraph(LEFT, STYLES["Normal"])] * 3 + [FrameBreak()] + [Paragraph(RIGHT, STYLES["Normal"])] * 3
    doc = two_columns(tmp_path / "a.pdf", story)
    assert words(doc.text) == words(LEFT) * 3 + words(RIGHT) * 3
    assert list(doc.tables()) == []


def test_a_heading_across_both_columns_comes_first(tmp_path):
    from reportlab.platypus import FrameBreak

    story = [
        Paragraph("Waterschap in het jaar van de grote dijkversterking en het gemaal", STYLES["Heading1"]),
        FrameBreak(),
        *[Paragraph(LEFT, STYLES["Normal"])] * 3,
        FrameBreak(),
        *[Paragraph(RIGHT, STYLES["Normal"])] * 3,
    ]
    doc = two_columns(tmp_path / "a.pdf", story, headed=True)
    assert doc.blocks[0].kind is BlockKind.HEADING
    assert words(doc.text)[11:] == words(LEFT) * 3 + words(RIGHT) * 3


def test_a_heading_between_two_bands_of_columns_keeps_its_place(lines):
    def column(x, y, text):
        return [(x, y + 12 * n, f"{text} {n} van een kolom met lopende tekst") for n in range(5)]

    doc = lines(
        *column(50, 100, "boven links"), *column(310, 100, "boven rechts"),
        (50, 200, "Een kop die over de volle breedte van beide kolommen heen loopt", 18, "Helvetica-Bold"),
        *column(50, 240, "onder links"), *column(310, 240, "onder rechts"),
    )  # fmt: skip
    order = [
        doc.text.index(part)
        for part in ("boven links 4", "boven rechts 0", "Een kop", "onder links 4", "onder rechts 0")
    ]
    assert order == sorted(order)


def test_columns_of_prose_with_numbers_hold_no_table(tmp_path):
    from reportlab.platypus import FrameBreak

    numbers = "In 2021 waren er 1.204 leden, in 2022 nog 1.150 en in 2023 weer 1.310; de contributie steeg van 45 naar 48 euro. "
    story = [Paragraph(numbers * 4, STYLES["Normal"]), FrameBreak(), Paragraph(numbers * 4, STYLES["Normal"])]
    assert list(two_columns(tmp_path / "a.pdf", story).tables()) == []


def furnished(path, pages, header="Jaarverslag Stichting De Zaaier", footer="Pagina {0} van {1}"):
    drawing = canvas.Canvas(str(path), pagesize=A4)
    for number, text in enumerate(pages, start=1):
        drawing.setFont("Helvetica", 9)
        drawing.drawString(60, 805, header)
        drawing.drawCentredString(300, 30, footer.format(number, len(pages)))
        drawing.setFont("Helvetica", 11)
        for row, line in enumerate(text):
            drawing.drawString(60, 740 - 14 * row, line)
        drawing.showPage()
    drawing.save()
    return parse(path, Parse())


PAGES = [
    [f"Op blad {n} staat wat er in maand {n} is gezaaid.", "Daarna volgt wat er is geoogst."]
    for n in ("een", "twee", "drie", "vier")
]


@pytest.mark.parametrize("footer", ["Pagina {0} van {1}", "{0}", "- {0} -", "{0}/{1}", "Versie 2 - blad {0}"])
def test_running_headers_footers_and_page_numbers_are_dropped(tmp_path, footer):
    doc = furnished(tmp_path / "a.pdf", PAGES, footer=footer)
    assert words(doc.text) == words(" ".join(line for page in PAGES for line in page))


def test_what_stands_on_one_page_only_is_kept(tmp_path):
    doc = furnished(tmp_path / "a.pdf", PAGES[:1], header="Aan het bestuur", footer="Bijlage volgt per post")
    assert "Aan het bestuur" in doc.text
    assert "Bijlage volgt per post" in doc.text


def test_titles_that_count_along_with_the_pages_are_kept(tmp_path):
    drawing = canvas.Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    for number in range(1, 5):
        drawing.setFont("Helvetica", 24)
        drawing.drawString(60, 780, f"Deel {number}")
        drawing.setFont("Helvetica", 11)
        for row, line in enumerate(PAGES[number - 1]):
            drawing.drawString(60, 700 - 14 * row, line)
        drawing.showPage()
    drawing.save()
    headings = blocks(parse(tmp_path / "a.pdf", Parse()), BlockKind.HEADING)
    assert headings == ["Deel 1", "Deel 2", "Deel 3", "Deel 4"]


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        (["de jaar-", "rekening"], "de jaarrekening"),
        (["over 2023-", "2024 heen"], "over 2023-2024 heen"),
        (["in Noord-", "Holland"], "in Noord-Holland"),
        (["voor-", "en nadelen"], "voor- en nadelen"),
        (["een e-", "mail"], "een e-mail"),
        (["state-of-the-", "art"], "state-of-the-art"),
        (["zonne\u00ad", "paneel"], "zonnepaneel"),
        (["dit -", "dat"], "dit - dat"),
        (["een", "regel"], "een regel"),
    ],
)
def test_hyphens_at_line_ends(cut, whole):
    assert Mender().join_lines(cut) == whole


def test_a_compound_the_document_writes_elsewhere_keeps_its_hyphen(lines):
    doc = lines(
        (60, 100, "Een long-term lening staat op de balans."),
        (60, 112, "Ook een andere long-"),
        (60, 124, "term lening is er."),
    )
    assert "andere long-term lening" in doc.text


def test_headings_by_size_and_number(tmp_path):
    heads = [
        ("Heading1", "Jaarverslag"),
        ("Heading2", "1 Bestuur"),
        ("Heading2", "2 Cijfers"),
        ("Heading3", "2.1 Balans"),
        ("Heading3", "2.2 Kosten"),
    ]
    story = [
        part for style, text in heads for part in (Paragraph(text, STYLES[style]), Paragraph(LEFT, STYLES["Normal"]))
    ]
    doc = write(tmp_path / "a.pdf", story)
    assert [(block.level, doc.text_of(block)) for block in doc.blocks if block.kind is BlockKind.HEADING] == [
        (1, "Jaarverslag"), (2, "1 Bestuur"), (2, "2 Cijfers"), (3, "2.1 Balans"), (3, "2.2 Kosten"),
    ]  # fmt: skip
    assert doc.blocks[-1].headings == ("Jaarverslag", "2 Cijfers", "2.2 Kosten")


def test_bold_lines_are_headings_and_bold_words_are_not(tmp_path):
    story = []
    for number in range(3):
        story += [Paragraph(f"<b>Onderdeel {'abc'[number]}</b>", STYLES["Normal"]), Spacer(1, 4)]
        story += [
            Paragraph(f"Dit gaat over <b>een belangrijk woord</b> in de tekst. {LEFT}", STYLES["Normal"]),
            Spacer(1, 8),
        ]
    doc = write(tmp_path / "a.pdf", story)
    assert blocks(doc, BlockKind.HEADING) == ["Onderdeel a", "Onderdeel b", "Onderdeel c"]


def test_numbered_headings_of_one_size_nest(lines):
    doc = lines(
        (60, 100, "1 Activa", 14, "Helvetica-Bold"), (60, 130, "De activa staan links op de balans van het jaar."),
        (60, 160, "1.2 Vaste activa", 14, "Helvetica-Bold"), (60, 190, "De vaste activa zijn gewaardeerd tegen kostprijs."),
    )  # fmt: skip
    assert doc.blocks[-1].headings == ("1 Activa", "1.2 Vaste activa")


def test_lines_become_paragraphs(tmp_path):
    justified = ParagraphStyle("j", parent=STYLES["Normal"], alignment=TA_JUSTIFY, spaceAfter=8)
    doc = write(tmp_path / "a.pdf", [Paragraph(LEFT, justified), Paragraph(RIGHT, justified)])
    assert [words(text) for text in blocks(doc, BlockKind.PARAGRAPH)] == [words(LEFT), words(RIGHT)]


def test_lists_keep_an_item_a_line(lines):
    doc = lines(
        (60, 100, "Neem mee naar de eerste bijeenkomst van het jaar:"),
        (60, 120, "•"), (75, 120, "een schep met een lange steel die tegen een"), (75, 132, "stootje kan"),
        (60, 144, "•"), (75, 144, "laarzen"),
        (60, 170, "De volgorde van werken is deze:"),
        (60, 190, "1. eerst spitten"), (60, 202, "2. dan zaaien"),
    )  # fmt: skip
    assert blocks(doc, BlockKind.LIST) == [
        "• een schep met een lange steel die tegen een stootje kan\n• laarzen",
        "1. eerst spitten\n2. dan zaaien",
    ]


def test_a_sentence_over_a_page_break_is_one_paragraph(tmp_path):
    first, second = (
        "Het bestuur heeft in de vergadering van mei besloten dat de huur van de loods",
        "wordt opgezegd per einde jaar.",
    )
    doc = furnished(tmp_path / "a.pdf", [["Op het eerste blad.", first], [second], ["Derde blad."], ["Vierde blad."]])
    (block,) = (block for block in doc.blocks if "loods" in doc.text_of(block))
    assert (block.page, block.page_end) == (1, 2)
    assert doc.text_of(block).endswith("loods wordt opgezegd per einde jaar.")


def test_a_new_sentence_on_a_new_page_is_a_new_paragraph(tmp_path):
    doc = furnished(tmp_path / "a.pdf", [["Hier eindigt een zin."], ["Hier begint een zin."], ["Derde blad."]])
    assert len(doc.blocks) == 3


def test_a_table_of_contents_is_no_table(lines):
    entries = [
        "Voorwoord",
        "Bestuur en toezicht",
        "Balans",
        "Winst- en verliesrekening",
        "Toelichting",
        "Ondertekening",
    ]
    dotted = [(60, 100 + 14 * n, f"{entry} {'.' * (80 - len(entry))} {3 + 4 * n}") for n, entry in enumerate(entries)]
    plain = [(60, 300, "Inhoudsopgave")]
    for n, entry in enumerate(entries):
        plain += [(60, 320 + 14 * n, entry), (500, 320 + 14 * n, str(3 + 4 * n))]
    doc = lines(*dotted, *plain)
    assert list(doc.tables()) == []
    assert doc.text.count("Winst- en verliesrekening") == 2


def test_every_word_of_the_page_comes_out_once(tmp_path):
    story = [Paragraph("Verslag", STYLES["Heading1"])]
    for text in (LEFT, RIGHT) * 6:
        story += [Paragraph(text, STYLES["Normal"]), Spacer(1, 6), Paragraph(f"• {text[:60]}", STYLES["Normal"])]
    doc = write(
        tmp_path / "a.pdf", [*story, NextPageTemplate("Later"), PageBreak(), Paragraph("Slot", STYLES["Heading2"])]
    )
    source = [word[4] for page in pymupdf.open(tmp_path / "a.pdf") for word in page.get_text("words")]
    assert sorted(words(doc.text)) == sorted(words(" ".join(source)))


def test_a_word_printed_twice_to_make_it_bold_is_read_once(lines):
    doc = lines((60, 100, "Totaal"), (60.3, 100, "Totaal"), (60, 120, "De rest van de tekst staat hier."))
    assert doc.text.count("Totaal") == 1
