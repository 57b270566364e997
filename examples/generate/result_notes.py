"""The notes to the profit and loss account, and what has no place in the statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .figures import FIGURES, YEARS, of
from .ledger import TAX_BRACKETS
from .notation import dutch
from .remarks import REMARKS
from .sheet import Note, Sheet, breakdown, item, total

if TYPE_CHECKING:
    from .ledger import Books


def result_notes(books: Books, before: Books) -> tuple[Note, ...]:
    """The notes in the order of the references in the profit and loss account, which go on from the balance sheet's."""
    remarks = REMARKS[books.year]
    return (
        Note("Netto-omzet", (breakdown("Totaal netto-omzet", FIGURES.revenue, books.year), remarks.revenue)),
        _other_income(books, before),
        _staff(books),
        _operating_costs(books, before),
        Note("Rentelasten en soortgelijke kosten", (breakdown("Totaal rentelasten", FIGURES.interest, books.year),)),
        _tax(books, before),
    )


def unrecorded(books: Books) -> tuple[Note, ...]:
    """What the balance sheet does not show: commitments, and events after its date."""
    remarks = REMARKS[books.year]
    return (
        Note("Niet in de balans opgenomen verplichtingen", (remarks.commitments,)),
        Note("Gebeurtenissen na balansdatum", (remarks.after_balance_date,)),
    )


def _other_income(books: Books, before: Books) -> Note:
    now = YEARS.index(books.year)
    given = FIGURES.other_income
    sheet = Sheet(
        ("", str(books.year), str(books.year - 1)),
        (
            item("Verhuur zendmast en reclamezuilen", given[now], given[now - 1]),
            item("Boekresultaat verkoop activa", -books.cash_flow.gain_on_sales, -before.cash_flow.gain_on_sales),
            total("Totaal overige bedrijfsopbrengsten", books.result.other_income, before.result.other_income),
        ),
    )
    return Note("Overige bedrijfsopbrengsten", (sheet,))


def _staff(books: Books) -> Note:
    now = YEARS.index(books.year)
    fte = Sheet(
        ("Gemiddeld aantal medewerkers", str(books.year), str(books.year - 1)),
        (
            *(item(department, staff[now], staff[now - 1]) for department, staff in FIGURES.staff.items()),
            total("Totaal voltijdsplaatsen", headcount(books.year), headcount(books.year - 1)),
        ),
        unit="fte",
    )
    costs = breakdown("Totaal personeelskosten", FIGURES.staff_costs, books.year)
    return Note("Personeelskosten", (costs, fte, REMARKS[books.year].staff))


def headcount(year: int) -> float:
    """The average number of employees in a year, as full-time equivalents."""
    return round(sum(staff[YEARS.index(year)] for staff in FIGURES.staff.values()), 1)


def _operating_costs(books: Books, before: Books) -> Note:
    groups = {
        "Huisvestingskosten": FIGURES.housing,
        "Exploitatiekosten": FIGURES.running,
        "Verkoopkosten": FIGURES.selling,
        "Kantoor- en algemene kosten": FIGURES.general,
    }
    sums = [
        item(label, sum(of(series, books.year).values()), sum(of(series, before.year).values()))
        for label, series in groups.items()
    ]
    summary = Sheet(
        ("", str(books.year), str(before.year)),
        (*sums, total("Totaal overige bedrijfskosten", books.result.operating_costs, before.result.operating_costs)),
    )
    parts = [breakdown(f"Totaal {label.lower()}", series, books.year, title=label) for label, series in groups.items()]
    return Note("Overige bedrijfskosten", (summary, *parts, REMARKS[books.year].operating_costs))


def _tax(books: Books, before: Books) -> Note:
    bound, low, high = TAX_BRACKETS[books.year]
    burden = dutch(100 * books.result.tax / books.result.before_tax, 1)
    burden_before = dutch(100 * before.result.tax / before.result.before_tax, 1)
    text = (
        f"De vennootschapsbelasting bedraagt {dutch(100 * low)}% over de eerste € {dutch(bound)} en {dutch(100 * high, 1)}% "
        f"over het meerdere. Over {books.year} is € {dutch(books.result.tax)} verschuldigd over een resultaat van "
        f"€ {dutch(books.result.before_tax)}; de effectieve belastingdruk is {burden}% ({before.year}: {burden_before}%)."
    )
    return Note("Vennootschapsbelasting", (text,))
