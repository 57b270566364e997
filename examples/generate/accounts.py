"""Puts the annual accounts of one year together: which chapters there are, in what order, and the figures their text quotes."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from reportlab.lib.pagesizes import A4
from reportlab.platypus import BalancedColumns, CondPageBreak, PageBreak, Paragraph

from .balance_notes import balance_notes
from .figures import FIGURES, of
from .layout import BOXED, OPEN, AccountsTemplate, Look, sheet_table
from .ledger import books
from .notation import dutch
from .prose import Style, passages, typeset
from .result_notes import headcount, result_notes, unrecorded
from .sheet import Sheet
from .statements import assets, cash_flow, liabilities, profit_and_loss

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from reportlab.platypus import Flowable

    from .ledger import Books
    from .sheet import Note

COMPANY, PLACE = "Zilverveen Recreatie B.V.", "Hoogvenne"
LOOKS = {2023: BOXED, 2024: OPEN}
CHAPTER_SPACE = A4[1] / 3
STATEMENT_DATES = {2023: "19 april 2024", 2024: "18 april 2025"}


def write_accounts(path: Path, year: int) -> None:
    """Write the annual accounts of `year` as a PDF."""
    all_books = books()
    now, before = all_books[year], all_books[year - 1]
    look = LOOKS[year]
    template = AccountsTemplate(path, look, company=COMPANY, place=PLACE, title=f"Jaarrekening {year}")
    facts = _facts(now, before)
    notes = balance_notes(now)
    story = [
        PageBreak(),
        Paragraph("Inhoudsopgave", look.heading()),
        template.contents(),
        PageBreak(),
        *_prose(f"bestuursverslag-{year}", facts, look),
        *_statement(f"Balans per 31 december {year}", look, assets(now), liabilities(now)),
        *_statement(f"Winst-en-verliesrekening over {year}", look, profit_and_loss(now, before)),
        *_statement(f"Kasstroomoverzicht over {year}", look, cash_flow(now, before)),
        PageBreak(),
        *_prose("grondslagen", facts, look),
        CondPageBreak(CHAPTER_SPACE),
        Paragraph(f"Toelichting op de balans per 31 december {year}", look.chapter()),
        *_notes(notes, look),
        *_notes(unrecorded(now), look, numbered=False),
        CondPageBreak(CHAPTER_SPACE),
        Paragraph(f"Toelichting op de winst-en-verliesrekening over {year}", look.chapter()),
        *_notes(result_notes(now, before), look, first=len(notes) + 1),
        CondPageBreak(CHAPTER_SPACE),
        *_prose("overige-gegevens", facts, look),
    ]
    template.multiBuild(story)


def _statement(title: str, look: Look, *sheets: Sheet) -> list[Flowable]:
    return [PageBreak(), Paragraph(title, look.chapter()), *(sheet_table(sheet, look) for sheet in sheets)]


def _prose(name: str, facts: Mapping[str, str], look: Look) -> list[Flowable]:
    styles = {Style.CHAPTER: look.chapter(), Style.HEADING: look.heading(), Style.PARAGRAPH: look.body()}
    flowables: list[Flowable] = []
    for columns, group in groupby(passages(name, facts), key=lambda passage: passage.columns):
        paragraphs = [Paragraph(typeset(passage.text), styles[passage.style]) for passage in group]
        flowables += [BalancedColumns(paragraphs, nCols=2, innerPadding=16)] if columns else paragraphs
    return flowables


def _notes(notes: Iterable[Note], look: Look, *, first: int = 1, numbered: bool = True) -> list[Flowable]:
    flowables: list[Flowable] = []
    for number, note in enumerate(notes, start=first):
        title = f"{number}. {note.title}" if numbered else note.title
        flowables += [CondPageBreak(80), Paragraph(title, look.heading())]
        flowables += [
            sheet_table(part, look) if isinstance(part, Sheet) else Paragraph(typeset(part), look.body())
            for part in note.parts
        ]
    return flowables


def _facts(now: Books, before: Books) -> dict[str, str]:
    """The figures that the running text quotes, as they are printed."""
    amounts = {
        "revenue": now.result.revenue,
        "previous_revenue": before.result.revenue,
        "operating": now.result.operating,
        "previous_operating": before.result.operating,
        "net": now.result.net,
        "previous_net": before.result.net,
        "energy": of(FIGURES.housing, now.year)["Energie en water"],
        "previous_energy": of(FIGURES.housing, before.year)["Energie en water"],
        "equity": now.closing.equity.total,
        "invested": -now.cash_flow.invested,
        "dividend": -now.cash_flow.dividend,
        "cash": now.closing.cash,
        "previous_cash": before.closing.cash,
        "operating_cash": now.cash_flow.operating,
    }
    ratios = {
        "growth": 100 * (now.result.revenue / before.result.revenue - 1),
        "solvency": 100 * now.closing.solvency,
        "previous_solvency": 100 * before.closing.solvency,
        "staff": headcount(now.year),
    }
    return {
        **{name: dutch(amount) for name, amount in amounts.items()},
        **{name: dutch(ratio, decimals=1) for name, ratio in ratios.items()},
        "year": str(now.year),
        "previous": str(before.year),
        "statement_date": STATEMENT_DATES[now.year],
    }
