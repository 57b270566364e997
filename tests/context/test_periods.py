"""Periods: quoted in four languages, taken from the most prominent place, and never guessed."""

from __future__ import annotations

import pytest

from ragfactory.context.periods import document_period, document_years, find_periods, period_in_short
from ragfactory.documents.model import DocumentBuilder


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("Het resultaat over boekjaar 2024 steeg.", "boekjaar 2024"),
        ("Jaarrekening over 2024", "Jaarrekening over 2024"),
        ("het gebroken boekjaar 2023/2024", "boekjaar 2023/2024"),
        ("Balans per 31 december 2024", "per 31 december 2024"),
        ("Balans per 31-12-2024", "per 31-12-2024"),
        ("im Geschäftsjahr 2023/24 wurde", "Geschäftsjahr 2023/24"),
        ("Bilanz zum 31. März 2024", "zum 31. März 2024"),
        ("Exercice clos le 31 décembre 2024", "Exercice clos le 31 décembre 2024"),
        ("l’exercice 2024", "exercice 2024"),
        ("Bilan au 1er janvier 2024", "au 1er janvier 2024"),
        ("for the year ended December 31, 2024,", "year ended December 31, 2024"),
        ("in fiscal 2024", "fiscal 2024"),
        ("Annual report and accounts\n2024", "Annual report and accounts 2024"),
        ("Balance sheet as at 30 June 2024", "as at 30 June 2024"),
        ("FY2024 results", "FY2024"),
    ],
)
def test_a_period_is_quoted(text: str, period: str) -> None:
    assert [found.text for found in find_periods(text)] == [period]


@pytest.mark.parametrize(
    "text", ["In 2024 regende het.", "boekjaar 20245", "exercice 12", "per e-mail van 3 mei 2024", "au pair 2024"]
)
def test_what_only_looks_like_a_period(text: str) -> None:
    assert find_periods(text) == []


def test_a_fiscal_year_goes_before_a_date_and_the_title_before_the_text() -> None:
    builder = DocumentBuilder("pdf")
    builder.heading("Balans per 31 december 2023", 1, page=1)
    builder.paragraph("Cijfers van boekjaar 2023.", page=1)
    document = builder.finish()
    period = document_period(document)
    assert period is not None
    assert (period.text, period.years) == ("boekjaar 2023", {"2023"})
    builder.title = "Jaarrekening 2024"
    titled = document_period(builder.finish())
    assert titled is not None
    assert titled.text == "Jaarrekening 2024"


def test_a_place_that_names_two_years_decides_nothing() -> None:
    builder = DocumentBuilder("pdf")
    builder.paragraph("Boekjaar 2024 tegenover boekjaar 2023.", page=1)
    assert document_period(builder.finish()) is None
    builder.heading("Kasstromen boekjaar 2024", 1, page=9)
    period = document_period(builder.finish())
    assert period is not None
    assert period.text == "boekjaar 2024"


def test_a_date_or_year_deep_in_the_text_is_not_the_documents() -> None:
    builder = DocumentBuilder("pdf")
    builder.paragraph("Een brief, met ingang per 1 maart 2024.", page=1)
    builder.paragraph("In boekjaar 2019 was alles anders.", page=7)
    assert document_period(builder.finish()) is None


@pytest.mark.parametrize(
    ("title", "years"),
    [
        ("Jaarrekening 2024", [2024]),
        ("Jahresabschluss zum 31. März 2024", [2024]),
        ("Geschäftsjahr 2023/24", [2023, 2024]),
        ("Geschäftsjahr 1999/00", [1999, 2000]),
        ("boekjaar 2023/2024", [2023, 2024]),
        ("boekjaar 2023-12", [2023]),
        ("Notulen", []),
    ],
)
def test_the_years_of_a_document(title: str, years: list[int]) -> None:
    builder = DocumentBuilder("text")
    builder.title = title
    builder.paragraph("In 2001 regende het.")
    assert document_years(builder.finish()) == years


@pytest.mark.parametrize(
    ("title", "headings", "period"),
    [
        ("Jaarrekening 2024", ["Balans per 31 december 2024"], "per 31 december 2024"),
        ("Jaarrekening 2024", ["Balans per 31 december 2023"], "2024"),
        ("Jaarrekening 2024", ["Balans per 1 januari 2024", "Balans per 31 december 2024"], "2024"),
        ("Jahresabschluss 2023/24", [], "2023/24"),
        ("Annual report and accounts 2024", [], "2024"),
        ("Boekjaar 2024", ["Balans per 31 december 2024"], "Boekjaar 2024"),
        ("Notulen", [], None),
    ],
)
def test_the_name_of_a_report_is_no_part_of_its_period(title: str, headings: list[str], period: str | None) -> None:
    builder = DocumentBuilder("text")
    builder.title = title
    for heading in headings:
        builder.heading(heading, 1)
    assert period_in_short(builder.finish()) == period
