"""Tables in PDF pages: rows, cells, column heads and captions, with and without drawn rules."""

from __future__ import annotations

import re

import pymupdf
import pytest
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from ragfactory.documents.formats.pdf import parse
from ragfactory.documents.model import BlockKind
from ragfactory.profiles import Parse

STYLES = getSampleStyleSheet()
GRID = ("GRID", (0, 0), (-1, -1), 0.5, colors.black)
RIGHT = ("ALIGN", (1, 0), (-1, -1), "RIGHT")
PROSE = (
    "De gebouwen zijn gewaardeerd tegen aanschafprijs onder aftrek van afschrijvingen. In 2024 is voor 20.000 euro afgeschreven, "
    "evenveel als in 2023; de verwachte levensduur bleef 30 jaar en de restwaarde nihil."
)

BALANCE = [
    ["", "31-12-2024", "31-12-2023"],
    ["Materiële vaste activa", "", ""],
    ["Gebouwen", "450.000", "470.000"],
    ["Machines", "120.500", "98.200"],
    ["Vlottende activa", "", ""],
    ["Voorraden", "33.100", "-"],
    ["Effecten", "(1.250)", "(980)"],
    ["Totaal", "602.350", "567.220"],
]


def write(path, story, tables="auto"):
    SimpleDocTemplate(str(path), pagesize=A4).build(story)
    return parse(path, Parse(tables=tables))


def drawn(rows, *style, widths=None):
    widths = widths or [200] + [90] * (len(rows[0]) - 1)
    return Table(rows, colWidths=widths, hAlign="LEFT", repeatRows=1, style=TableStyle([RIGHT, *style]))


def balance_page(*style):
    heading = Paragraph("Balans per 31 december 2024", STYLES["Heading1"])
    return [heading, drawn(BALANCE, *style), Spacer(1, 12), Paragraph(PROSE, STYLES["Normal"])]


def only_table(doc):
    (block,) = doc.tables()
    return block.table


STYLINGS = {
    "bare": [],
    "ruled": [GRID],
    "lines under the head and over the total": [
        ("LINEBELOW", (0, 0), (-1, 0), 1, colors.black),
        ("LINEABOVE", (1, -1), (-1, -1), 1, colors.black),
    ],
    "shaded": [("ROWBACKGROUNDS", (0, 0), (-1, -1), [colors.white, colors.lightgrey])],
    "bold head": [("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold")],
    "indented": [("LEFTPADDING", (0, 2), (0, 3), 20)],
}


@pytest.mark.parametrize("style", STYLINGS.values(), ids=STYLINGS.keys())
def test_a_balance_sheet(tmp_path, style):
    doc = write(tmp_path / "a.pdf", balance_page(*style))
    table = only_table(doc)
    assert [list(row) for row in table.rows] == BALANCE
    assert table.header_rows == 1
    assert table.columns == ("", "31-12-2024", "31-12-2023")
    assert table.caption == "Balans per 31 december 2024"
    assert [block.kind for block in doc.blocks] == [BlockKind.HEADING, BlockKind.TABLE, BlockKind.PARAGRAPH]


@pytest.mark.parametrize("style", STYLINGS.values(), ids=STYLINGS.keys())
def test_no_word_of_a_page_with_a_table_is_lost_or_doubled(tmp_path, style):
    doc = write(tmp_path / "a.pdf", balance_page(*style))
    source = " ".join(word[4] for word in pymupdf.open(tmp_path / "a.pdf")[0].get_text("words"))
    assert sorted(re.findall(r"\w+", doc.text)) == sorted(re.findall(r"\w+", source))


def test_currency_signs_and_brackets_stay_with_their_number(tmp_path):
    rows = [
        ["Kosten", "", "2024", "", "2023"],
        ["Lonen", "€", "1.200", "€", "1.100"],
        ["Huur", "€", "300", "€", "(280)"],
        ["Baten", "€", "45", "€", "50"],
    ]
    table = only_table(write(tmp_path / "a.pdf", [drawn(rows, widths=[180, 20, 60, 20, 60])]))
    assert table.rows == (
        ("Kosten", "2024", "2023"),
        ("Lonen", "€ 1.200", "€ 1.100"),
        ("Huur", "€ 300", "€ (280)"),
        ("Baten", "€ 45", "€ 50"),
    )


def test_heads_of_several_rows(tmp_path):
    rows = [
        ["", "Begroting", "", "Realisatie", ""],
        ["x € 1.000", "2024", "2023", "2024", "2023"],
        ["Subsidie", "80", "75", "81", "75"],
        ["Giften", "12", "9", "10", "11"],
    ]
    table = only_table(write(tmp_path / "a.pdf", [drawn(rows, widths=[150, 70, 70, 70, 70])]))
    assert table.header_rows == 2
    assert table.columns == ("x € 1.000", "Begroting 2024", "2023", "Realisatie 2024", "2023")


def test_a_label_over_two_lines_is_one_label(tmp_path):
    rows = [
        ["", "2024", "2023"],
        ["Afschrijving op gebouwen,\nmachines en inventaris", "450", "420"],
        ["Rente", "20", "25"],
        ["Overig", "5", "6"],
    ]
    table = only_table(write(tmp_path / "a.pdf", [drawn(rows, ("VALIGN", (1, 0), (-1, -1), "TOP"))]))
    assert table.rows[1] == ("Afschrijving op gebouwen, machines en inventaris", "450", "420")


def test_a_caption_line_is_a_block_and_the_tables_caption(tmp_path):
    story = [
        Paragraph("Personeel", STYLES["Heading1"]),
        Paragraph("Tabel 3: Gemiddeld aantal medewerkers", STYLES["Normal"]),
        Spacer(1, 6),
    ]
    rows = [["", "2024", "2023"], ["Binnendienst", "12", "11"], ["Buitendienst", "30", "28"]]
    doc = write(tmp_path / "a.pdf", [*story, drawn(rows)])
    assert only_table(doc).caption == "Tabel 3: Gemiddeld aantal medewerkers"
    assert [block.kind for block in doc.blocks] == [BlockKind.HEADING, BlockKind.CAPTION, BlockKind.TABLE]


def test_a_sentence_about_a_table_is_no_caption(tmp_path):
    doc = write(tmp_path / "a.pdf", [Paragraph("Tabel 3 laat zien hoeveel mensen er werken.", STYLES["Normal"])])
    assert doc.blocks[0].kind is BlockKind.PARAGRAPH


PEOPLE = [
    ["Naam", "Functie", "Plaats"],
    ["Jansen", "Voorzitter", "Ede"],
    ["De Vries", "Penningmeester", "Zwolle"],
    ["Bakker", "Secretaris", "Goes"],
]


def test_a_ruled_table_of_text(tmp_path):
    table = only_table(
        write(tmp_path / "a.pdf", [Paragraph(PROSE, STYLES["Normal"]), Spacer(1, 12), Table(PEOPLE, style=[GRID])])
    )
    assert [list(row) for row in table.rows] == PEOPLE
    assert table.header_rows == 1


def test_a_cell_of_several_lines_is_one_cell(tmp_path):
    cell = Paragraph("Bestuurt de vereniging en vertegen&shy;woordigt haar naar buiten toe", STYLES["Normal"])
    rows = [["Functie", "Taak"], ["Voorzitter", cell], ["Secretaris", "Notuleert"]]
    table = only_table(write(tmp_path / "a.pdf", [Table(rows, colWidths=[100, 120], style=[GRID])]))
    assert table.rows[1] == ("Voorzitter", "Bestuurt de vereniging en vertegenwoordigt haar naar buiten toe")


def test_cells_that_span_columns(tmp_path):
    rows = [["Post", "Bedragen", ""], ["", "2024", "2023"], ["Huur", "300", "280"], ["Lonen", "900", "870"]]
    spans = [("SPAN", (1, 0), (2, 0)), ("SPAN", (0, 0), (0, 1)), ("ALIGN", (1, 0), (1, 0), "LEFT")]
    table = only_table(write(tmp_path / "a.pdf", [drawn(rows, GRID, *spans)]))
    assert table.columns == ("Post", "Bedragen 2024", "2023")
    assert table.rows[2:] == (("Huur", "300", "280"), ("Lonen", "900", "870"))


@pytest.mark.parametrize("style", [[], [GRID]], ids=["bare", "ruled"])
def test_a_table_over_two_pages_is_one_table(tmp_path, style):
    rows = [["Grootboekrekening", "2024", "2023"]] + [
        [f"Rekening {n} voor onderhoud", f"{n}.100", f"{n}.050"] for n in range(1, 61)
    ]
    doc = write(tmp_path / "a.pdf", [drawn(rows, *style)])
    (block,) = doc.tables()
    assert [list(row) for row in block.table.rows] == rows
    assert (block.page, block.page_end, doc.page_count) == (1, 2, 2)


def test_other_tables_on_the_next_page_stay_apart(tmp_path):
    other = [["", "Uren", "Tarief", "Bedrag"], ["Advies", "12", "95", "1.140"], ["Reistijd", "3", "40", "120"]]
    doc = write(tmp_path / "a.pdf", [drawn(BALANCE), PageBreak(), drawn(other)])
    assert [len(block.table.rows[0]) for block in doc.tables()] == [3, 4]


def test_two_tables_with_text_between(tmp_path):
    first, second = BALANCE[:4], [BALANCE[0], *BALANCE[4:]]
    doc = write(
        tmp_path / "a.pdf",
        [drawn(first), Spacer(1, 12), Paragraph(PROSE, STYLES["Normal"]), Spacer(1, 12), drawn(second)],
    )
    assert [[list(row) for row in block.table.rows] for block in doc.tables()] == [first, second]


@pytest.mark.parametrize(
    "text",
    [
        PROSE * 5,
        "In 2022 groeide de omzet met 4,5% tot 1.204.500 euro. " * 8,
        "<br/>".join(f"{year} was een jaar met {year - 2000} nieuwe leden." for year in range(2015, 2025)),
        "Kwekerij Zonnedauw<br/>Dorpsstraat 12<br/>6711 AB Ede<br/>Telefoon 0318 123 456<br/>KvK 12345678",
        "<br/>".join(f"{n}. Artikel {n} gaat over punt {n}" for n in range(1, 9)),
    ],
)
def test_prose_with_numbers_is_no_table(tmp_path, text):
    assert list(write(tmp_path / "a.pdf", [Paragraph(text, STYLES["Normal"])]).tables()) == []


def test_prose_in_a_frame_is_no_table(tmp_path):
    framed = Table(
        [[Paragraph(PROSE * 2, STYLES["Normal"]), Paragraph(PROSE * 3, STYLES["Normal"])]],
        colWidths=[220, 220],
        style=[GRID],
    )
    doc = write(tmp_path / "a.pdf", [framed])
    assert list(doc.tables()) == []
    assert doc.text.count("restwaarde") == 5


@pytest.mark.parametrize(("tables", "count"), [("auto", 2), ("native", 2), ("off", 0)])
def test_the_profile_says_how_tables_are_looked_for(tmp_path, tables, count):
    short = [["", "2024", "2023"], ["Lonen", "12", "11"]]
    bare = [["", "2024"], ["Lonen", "1.200"], ["Huur", "300"], ["Rente", "50"]]
    doc = write(
        tmp_path / "a.pdf",
        [drawn([*short, ["Huur", "3", "4"]], GRID), Spacer(1, 20), Paragraph(PROSE, STYLES["Normal"]), drawn(bare)],
        tables,
    )
    assert len(list(doc.tables())) == count
    assert "1.200" in doc.text
