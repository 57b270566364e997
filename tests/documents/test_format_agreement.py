"""The same text written as Markdown, DOCX, HTML and PDF comes out the same."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import docx
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle

from ragfactory.documents.model import BlockKind
from ragfactory.documents.registry import parser_for
from ragfactory.profiles import Parse

TITLE = "Evaluatie van het seizoen"
SECTIONS = {
    "Bezetting": [
        "De bezetting van de huisjes lag in de zomer hoger dan in het jaar ervoor. In augustus was er geen plek meer vrij.",
        "Gasten boeken later dan vroeger. De helft van de boekingen kwam binnen in de vier weken voor aankomst.",
    ],
    "Onderhoud": [
        "Het zwembad kreeg een nieuwe pomp. De wegen op het terrein zijn nog niet hersteld; dat staat voor het voorjaar.",
    ],
}
ROWS = [("Maand", "Huisjes", "Plaatsen"), ("Juni", "64%", "41%"), ("Juli", "88%", "79%"), ("Augustus", "97%", "92%")]


def write_markdown(path):
    lines = [f"# {TITLE}", ""]
    for heading, paragraphs in SECTIONS.items():
        lines += [f"## {heading}", ""]
        for paragraph in paragraphs:
            lines += [paragraph, ""]
    lines += ["| " + " | ".join(ROWS[0]) + " |", "|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in ROWS[1:]]
    path.write_text("\n".join(lines), encoding="utf-8")


def write_html(path):
    body = f"<h1>{TITLE}</h1>"
    for heading, paragraphs in SECTIONS.items():
        body += f"<h2>{heading}</h2>" + "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    heads = "".join(f"<th>{cell}</th>" for cell in ROWS[0])
    rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in ROWS[1:])
    path.write_text(f"<html><body>{body}<table><tr>{heads}</tr>{rows}</table></body></html>", encoding="utf-8")


def write_docx(path):
    document = docx.Document()
    document.add_heading(TITLE, level=1)
    for heading, paragraphs in SECTIONS.items():
        document.add_heading(heading, level=2)
        for paragraph in paragraphs:
            document.add_paragraph(paragraph)
    table = document.add_table(rows=0, cols=3)
    for row in ROWS:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.save(path)


def write_pdf(path):
    styles = getSampleStyleSheet()
    story = [Paragraph(TITLE, styles["Heading1"])]
    for heading, paragraphs in SECTIONS.items():
        story.append(Paragraph(heading, styles["Heading2"]))
        story += [Paragraph(paragraph, styles["BodyText"]) for paragraph in paragraphs]
    story.append(Table(ROWS, style=TableStyle([("GRID", (0, 0), (-1, -1), 0.5, "black")])))
    SimpleDocTemplate(str(path), pagesize=A4).build(story)


WRITERS = {"md": write_markdown, "html": write_html, "docx": write_docx, "pdf": write_pdf}


@pytest.fixture(params=sorted(WRITERS))
def document(request, tmp_path):
    path = tmp_path / f"evaluatie.{request.param}"
    WRITERS[request.param](path)
    return parser_for(path).parse(path, Parse())


def words(text):
    return re.findall(r"\w+", text.casefold())


def test_words_and_their_order_agree(document):
    parts = [TITLE, *(part for heading, texts in SECTIONS.items() for part in (heading, *texts))]
    expected = words(" ".join(parts + [cell for row in ROWS for cell in row]))
    found = words(document.text)
    assert Counter(found) == Counter(expected)
    agreeing = (Counter(pairwise(found)) & Counter(pairwise(expected))).total()
    assert agreeing / (len(expected) - 1) > 0.98


def test_headings_and_table_agree(document):
    headings = [document.text_of(block) for block in document.blocks if block.kind is BlockKind.HEADING]
    assert headings == [TITLE, *SECTIONS]
    (table,) = document.tables()
    assert table.table is not None
    assert table.table.rows == tuple(ROWS)
    assert table.headings[-1] == "Onderhoud"
