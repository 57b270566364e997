"""The slides of the team day, a landscape PDF: headlines, bullets, a table and a bar chart of the revenue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reportlab.graphics.charts.barcharts import VerticalBarChart
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor, white
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import BaseDocTemplate, Frame, PageBreak, PageTemplate, Paragraph, Spacer, Table

from .figures import YEARS
from .ledger import books
from .notation import dutch

if TYPE_CHECKING:
    from pathlib import Path

    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus import Flowable

GREEN, LIGHT = HexColor("#1f5c4a"), HexColor("#e6efeb")
PAGE = landscape(A4)
HEADLINE = ParagraphStyle(
    "headline", fontName="Helvetica-Bold", fontSize=28, leading=34, textColor=GREEN, spaceAfter=18
)
BULLET = ParagraphStyle(
    "bullet",
    fontName="Helvetica",
    fontSize=18,
    leading=25,
    leftIndent=20,
    bulletFontSize=18,
    bulletIndent=2,
    spaceAfter=9,
)


@dataclass(frozen=True, slots=True)
class Slide:
    """A headline, bullets under it, and a table or the revenue chart under those."""

    headline: str
    bullets: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    revenue_chart: bool = False


SLIDES = (
    Slide(
        "Samen naar 2026",
        (
            "Teamdag Vakantiepark Zilverveen",
            "Dinsdag 21 januari 2025, zaal De Turfsteker",
            "Jorien Wolthuis, directeur",
        ),
    ),
    Slide("Waar staan we?", ("Drie jaar groei op rij", "Netto-omzet x € 1.000; 2024 is voorlopig"), revenue_chart=True),
    Slide(
        "Wat gasten van ons vinden",
        (
            "Gemiddeld rapportcijfer 8,3, gelijk aan vorig jaar",
            "Hoog: vriendelijkheid (9,1) en ligging (8,9)",
            "Laag: wifi op de kampeervelden (6,2) en wachttijd bij het inchecken (6,8)",
            "Een op de drie gasten komt binnen twee jaar terug",
        ),
    ),
    Slide(
        "Drie keuzes voor dit jaar",
        (
            "Inchecken zonder wachten: sleutelkluis en app vanaf 1 april",
            "Nieuwe wifi: 34 zendpunten op de velden Heide, Berk en Oever",
            "Zes natuurlodges op het oude sportveld, open op 12 december",
        ),
    ),
    Slide(
        "Planning en wie wat doet",
        table=(
            ("Project", "Trekker", "Klaar", "Budget"),
            ("Wifi kampeervelden", "Anouk Dijkgraaf", "1 april", "€ 46.000"),
            ("Sleutelkluis en app", "Ilse Brandsema", "1 april", "€ 18.500"),
            ("Verplaatsen plaatsen Veenbeek", "Harm Kuipers", "1 oktober", "€ 72.000"),
            ("Zes natuurlodges", "Jorien Wolthuis", "12 december", "€ 585.000"),
        ),
    ),
    Slide(
        "Wat verandert er voor jou?",
        (
            "Rooster per kwartaal, zes weken van tevoren bekend",
            "Elke teamleider heeft maandelijks een gesprek met de coach",
            "Ideeënbus: stuur je plan naar idee@zilverveen.example.nl",
            "Volgende teamdag: donderdag 18 september",
        ),
    ),
)


def write_slides(path: Path) -> None:
    """Write the slides as a PDF, one page each."""
    template = BaseDocTemplate(
        str(path), pagesize=PAGE, title="Samen naar 2026", author="Vakantiepark Zilverveen", invariant=1
    )
    frame = Frame(22 * mm, 20 * mm, PAGE[0] - 44 * mm, PAGE[1] - 44 * mm)
    template.addPageTemplates(PageTemplate("slide", frame, onPage=_draw_edges))
    template.build([flowable for slide in SLIDES for flowable in _flowables(slide)])


def _flowables(slide: Slide) -> list[Flowable]:
    flowables: list[Flowable] = [Paragraph(slide.headline, HEADLINE)]
    flowables += [Paragraph(text, BULLET, bulletText="•") for text in slide.bullets]
    if slide.table:
        flowables.append(_table(slide.table))
    if slide.revenue_chart:
        flowables += [Spacer(1, 12), _revenue_chart()]
    return [*flowables, PageBreak()]


def _table(rows: tuple[tuple[str, ...], ...]) -> Table:
    return Table(
        rows,
        colWidths=[95 * mm, 62 * mm, 45 * mm, 40 * mm],
        rowHeights=17 * mm,
        style=[
            ("FONT", (0, 0), (-1, -1), "Helvetica", 16),
            ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 16),
            ("BACKGROUND", (0, 0), (-1, 0), GREEN),
            ("TEXTCOLOR", (0, 0), (-1, 0), white),
            ("ROWBACKGROUNDS", (0, 1), (-1, -1), [white, LIGHT]),
            ("ALIGN", (-1, 0), (-1, -1), "RIGHT"),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ],
    )


def _revenue_chart() -> Drawing:
    thousands = [round(books()[year].result.revenue / 1000) for year in YEARS]
    chart = VerticalBarChart()
    chart.x, chart.y, chart.width, chart.height = 40, 20, 560, 200
    chart.data = [thousands]
    chart.categoryAxis.categoryNames = [str(year) for year in YEARS]
    chart.categoryAxis.labels.fontSize = chart.barLabels.fontSize = 16
    chart.valueAxis.valueMin, chart.valueAxis.visible = 0, False
    chart.bars[0].fillColor, chart.bars[0].strokeColor = GREEN, None
    chart.barLabelFormat, chart.barLabels.dy = dutch, 12
    drawing = Drawing(640, 250)
    drawing.add(chart)
    return drawing


def _draw_edges(canvas: Canvas, _: BaseDocTemplate) -> None:
    width, height = PAGE
    canvas.setFillColor(GREEN)
    canvas.rect(0, height - 9 * mm, width, 9 * mm, stroke=0, fill=1)
    canvas.setFont("Helvetica", 11)
    canvas.drawString(22 * mm, 10 * mm, "Vakantiepark Zilverveen | Teamdag 2025")
    canvas.drawRightString(width - 22 * mm, 10 * mm, str(canvas.getPageNumber()))
