"""How the annual accounts look: fonts, tables, headers and footers. Knows nothing of what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reportlab.lib.colors import Color, HexColor, black, white
from reportlab.lib.enums import TA_JUSTIFY, TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph, Table
from reportlab.platypus.tableofcontents import TableOfContents

from .notation import dutch
from .prose import typeset
from .sheet import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from reportlab.pdfgen.canvas import Canvas

    from .sheet import Row, Sheet, Value

MARGIN = 23 * mm
TEXT_WIDTH = A4[0] - 2 * MARGIN
NOTE_COLUMN = "Toelichting"


@dataclass(frozen=True, slots=True)
class Look:
    """What tells one house style from another. `ruled` tables have lines and boxes; `negative` writes an amount under zero."""

    regular: str
    bold: str
    size: float
    accent: Color
    ruled: bool
    negative: str

    def body(self, **changes: Any) -> ParagraphStyle:
        """Justified running text."""
        properties = {
            "fontName": self.regular,
            "fontSize": self.size,
            "leading": self.size * 1.35,
            "alignment": TA_JUSTIFY,
            "spaceAfter": self.size * 0.7,
            "embeddedHyphenation": 1,
        }
        return ParagraphStyle("body", **(properties | changes))

    def chapter(self) -> ParagraphStyle:
        """The heading of a chapter, which the contents page lists."""
        return ParagraphStyle(
            "chapter", fontName=self.bold, fontSize=16, leading=20, spaceBefore=18, spaceAfter=10, textColor=self.accent
        )

    def heading(self) -> ParagraphStyle:
        """A heading within a chapter."""
        size = self.size + 1.5
        return ParagraphStyle(
            "heading",
            fontName=self.bold,
            fontSize=size,
            leading=size * 1.3,
            spaceBefore=8,
            spaceAfter=3,
            keepWithNext=1,
        )

    def cell(self, size: float, *, bold: bool, alignment: int) -> ParagraphStyle:
        """A table cell whose text may wrap."""
        font = self.bold if bold else self.regular
        return ParagraphStyle(
            "cell", fontName=font, fontSize=size, leading=size * 1.2, alignment=alignment, embeddedHyphenation=1
        )

    def amount(self, value: Value) -> str:
        """A value as it is printed."""
        if value is None or isinstance(value, str):
            return value or ""
        if value == 0:
            return "-"
        text = dutch(abs(value), decimals=1 if isinstance(value, float) else 0)
        return self.negative.format(text) if value < 0 else text


BOXED = Look("Helvetica", "Helvetica-Bold", 9.5, HexColor("#1f5c4a"), ruled=True, negative="-{}")
OPEN = Look("Times-Roman", "Times-Bold", 10, black, ruled=False, negative="({})")


def sheet_table(sheet: Sheet, look: Look) -> Table:
    """The table of a sheet, as wide as the text; its column heads are repeated on a new page."""
    amounts = len(sheet.columns) - 1
    size = look.size - 0.5 if amounts <= 3 else look.size - 2
    rows = [_column_heads(sheet, look, size), *(_cells(row, amounts, look, size) for row in sheet.rows)]
    return Table(
        rows,
        colWidths=_widths(sheet.columns),
        repeatRows=1,
        spaceBefore=2,
        spaceAfter=9,
        style=[
            *_alignment(look, size),
            *_emphasis(sheet.rows, look),
            *(_rules(sheet.rows, look) if look.ruled else ()),
        ],
    )


def _column_heads(sheet: Sheet, look: Look, size: float) -> list[list[Paragraph]]:
    first, *others = sheet.columns
    left, right = (look.cell(size, bold=True, alignment=side) for side in (TA_LEFT, TA_RIGHT))
    units = ["&nbsp;" if column == NOTE_COLUMN else sheet.unit for column in others]
    heads = [
        [Paragraph(typeset(column), right), Paragraph(unit, right)] for column, unit in zip(others, units, strict=True)
    ]
    return [[Paragraph(typeset(first), left)], *heads]


def _cells(row: Row, amounts: int, look: Look, size: float) -> list[Paragraph | str]:
    label = Paragraph(row.label, look.cell(size, bold=row.kind is not Kind.ITEM, alignment=TA_LEFT))
    values = row.values + (None,) * (amounts - len(row.values))
    return [label, *(look.amount(value) for value in values)]


def _widths(columns: tuple[str, ...]) -> list[float]:
    amounts = len(columns) - 1
    widths = [27 * mm if amounts <= 3 else (TEXT_WIDTH - 42 * mm) / amounts] * amounts
    return [TEXT_WIDTH - sum(widths), *widths]


def _alignment(look: Look, size: float) -> list[tuple[Any, ...]]:
    return [
        ("FONT", (0, 0), (-1, -1), look.regular, size, size * 1.2),
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
        ("VALIGN", (0, 0), (0, 0), "TOP"),
        ("NOSPLIT", (0, -3), (-1, -1)),
        ("LEFTPADDING", (0, 0), (0, -1), 4 if look.ruled else 0),
        ("LEFTPADDING", (1, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4 if look.ruled else 1),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("TOPPADDING", (0, 1), (-1, 1), 4),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]


def _emphasis(rows: tuple[Row, ...], look: Look) -> list[tuple[Any, ...]]:
    commands: list[tuple[Any, ...]] = []
    for number, row in enumerate(rows, start=1):
        line = ((0, number), (-1, number))
        if row.kind in {Kind.SUBTOTAL, Kind.TOTAL}:
            commands.append(("FONTNAME", *line, look.bold))
            commands.append(("BOTTOMPADDING", *line, 6))
        if row.kind is Kind.HEAD:
            commands.append(("NOSPLIT", (0, number), (-1, number + 1)))
        if row.kind in {Kind.HEAD, Kind.TOTAL}:
            commands.append(("TOPPADDING", *line, 6))
    return commands


def _rules(rows: tuple[Row, ...], look: Look) -> list[tuple[Any, ...]]:
    grey = HexColor("#b8c4bf")
    commands: list[tuple[Any, ...]] = [
        ("BOX", (0, 0), (-1, -1), 0.8, look.accent),
        ("LINEAFTER", (0, 0), (-2, -1), 0.4, grey),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, look.accent),
        ("BACKGROUND", (0, 0), (-1, 0), HexColor("#e6efeb")),
    ]
    for number, row in enumerate(rows, start=1):
        commands.append(("LINEBELOW", (0, number), (-1, number), 0.4, grey))
        if row.kind in {Kind.SUBTOTAL, Kind.TOTAL}:
            commands.append(("LINEABOVE", (1, number), (-1, number), 0.8, look.accent))
        if row.kind is Kind.TOTAL:
            commands.append(("BACKGROUND", (0, number), (-1, number), HexColor("#f2f6f4")))
    return commands


class AccountsTemplate(BaseDocTemplate):
    """A4 pages with a running head and a page number, after a cover; chapters go to the contents page and the outline."""

    def __init__(self, path: Path, look: Look, *, company: str, place: str, title: str) -> None:
        super().__init__(str(path), pagesize=A4, title=f"{title} {company}", author=company, invariant=1)
        self.look, self.company, self.place, self.heading = look, company, place, title
        cover = Frame(MARGIN, MARGIN, TEXT_WIDTH, A4[1] - 2 * MARGIN)
        text = Frame(
            MARGIN,
            24 * mm,
            TEXT_WIDTH,
            A4[1] - 54 * mm,
            leftPadding=0,
            rightPadding=0,
            topPadding=0,
            bottomPadding=0,
            id="text",
        )
        self.addPageTemplates(
            [
                PageTemplate("cover", cover, onPage=self._draw_cover, autoNextPageTemplate="text"),
                PageTemplate("text", text, onPage=self._draw_margins),
            ]
        )

    def contents(self) -> TableOfContents:
        """The flowable that becomes the list of chapters."""
        style = self.look.body(alignment=TA_LEFT, leading=24, rightIndent=10)
        return TableOfContents(levelStyles=[style], dotsMinLevel=0 if self.look.ruled else -1)

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802 - the hook's name in reportlab
        """Note the page of each chapter."""
        if isinstance(flowable, Paragraph) and flowable.style.name == "chapter":
            text, key = flowable.getPlainText(), f"chapter-{self.page}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(text, key)
            self.notify("TOCEntry", (0, text, self.page, key))

    def _draw_cover(self, canvas: Canvas, _: BaseDocTemplate) -> None:
        width, height = A4
        look = self.look
        if look.ruled:
            canvas.setFillColor(look.accent)
            canvas.rect(0, height * 0.52, width, height * 0.24, stroke=0, fill=1)
            canvas.setFillColor(white)
        canvas.setFont(look.bold, 34)
        canvas.drawString(MARGIN, height * 0.65, self.heading)
        canvas.setFont(look.regular, 18)
        canvas.drawString(MARGIN, height * 0.58, self.company)
        canvas.setFillColor(black)
        canvas.setFont(look.regular, 11)
        canvas.drawString(MARGIN, height * 0.46, self.place)

    def _draw_margins(self, canvas: Canvas, _: BaseDocTemplate) -> None:
        width, height = A4
        canvas.setFont(self.look.regular, 8.5)
        canvas.drawString(MARGIN, height - 17 * mm, self.company)
        canvas.drawRightString(width - MARGIN, height - 17 * mm, self.heading)
        canvas.drawString(MARGIN, 14 * mm, f"{self.company} te {self.place}")
        canvas.drawRightString(width - MARGIN, 14 * mm, f"Pagina {canvas.getPageNumber()}")
        if self.look.ruled:
            canvas.setStrokeColor(self.look.accent)
            canvas.line(MARGIN, height - 19 * mm, width - MARGIN, height - 19 * mm)
            canvas.line(MARGIN, 18 * mm, width - MARGIN, 18 * mm)
