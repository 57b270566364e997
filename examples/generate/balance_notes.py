"""The notes to the balance sheet: for each item what it consists of and how it moved in the year."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .figures import FIGURES, TRADE, YEARS, Asset, of
from .notation import dutch
from .remarks import REMARKS
from .sheet import Note, Row, Sheet, breakdown, head, item, subtotal, total

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .ledger import Books, Debt, Equity

DEPRECIATION_RATES = ("3,33%", "0-5%", "8-10%", "10-20%", "20%")


def balance_notes(books: Books) -> tuple[Note, ...]:
    """The notes in the order of the references in the balance sheet, from 1."""
    return (
        _fixed_assets(books),
        Note("Voorraden", (breakdown("Totaal voorraden", FIGURES.inventories, books.year, at_year_end=True),)),
        _receivables(books),
        _cash(books),
        _equity(books),
        _provisions(books),
        _long_term_debts(books),
        _short_term_debts(books),
    )


def _fixed_assets(books: Books) -> Note:
    opening, closing, year = books.opening.assets, books.closing.assets, books.year
    sold = {name: books.sales[name].sold if name in books.sales else Asset(0) for name in closing}
    sheet = Sheet(
        ("", *closing, "Totaal"),
        (
            *_stand(f"1 januari {year}", opening),
            head(f"Mutaties {year}"),
            _row("Investeringen", of(FIGURES.invested, year)),
            _row("Desinvesteringen", {name: -asset.cost for name, asset in sold.items()}),
            _row("Afschrijving desinvesteringen", {name: asset.depreciation for name, asset in sold.items()}),
            _row("Afschrijvingen", _negative(of(FIGURES.depreciated, year))),
            _row("Saldo mutaties", {name: closing[name].book_value - opening[name].book_value for name in closing}),
            *_stand(f"31 december {year}", closing),
            item("Afschrijvingspercentage", *DEPRECIATION_RATES, None),
        ),
    )
    pledged = "De gebouwen en terreinen dienen tot zekerheid voor de leningen van Streekbank Noordoost."
    return Note("Materiële vaste activa", (REMARKS[year].fixed_assets, sheet, pledged))


def _stand(day: str, assets: Mapping[str, Asset]) -> tuple[Row, ...]:
    book_values = [asset.book_value for asset in assets.values()]
    return (
        head(f"Stand per {day}"),
        _row("Aanschafwaarde", {name: asset.cost for name, asset in assets.items()}),
        _row("Cumulatieve afschrijvingen", {name: -asset.depreciation for name, asset in assets.items()}),
        subtotal("Boekwaarde", *book_values, sum(book_values)),
    )


def _receivables(books: Books) -> Note:
    now = YEARS.index(books.year)
    net, doubtful = FIGURES.receivables[TRADE], FIGURES.doubtful
    debtors = Sheet(
        (TRADE, f"31-12-{books.year}", f"31-12-{books.year - 1}"),
        (
            item("Nominale waarde", net[now] + doubtful[now], net[now - 1] + doubtful[now - 1]),
            item("Voorziening voor oninbaarheid", -doubtful[now], -doubtful[now - 1]),
            total("Totaal handelsdebiteuren", net[now], net[now - 1]),
        ),
    )
    terms = (
        "De vorderingen hebben een looptijd korter dan een jaar. Over de rekening-courant met Zilverveen Beheer B.V. wordt 4% "
        "rente berekend over het gemiddelde saldo; zekerheden zijn niet gesteld."
    )
    parts = breakdown("Totaal vorderingen", FIGURES.receivables, books.year, at_year_end=True)
    return Note("Vorderingen", (parts, debtors, terms))


def _cash(books: Books) -> Note:
    now = YEARS.index(books.year)
    bank = books.closing.cash - FIGURES.till[now] - FIGURES.under_way[now]
    bank_before = books.opening.cash - FIGURES.till[now - 1] - FIGURES.under_way[now - 1]
    sheet = Sheet(
        ("", f"31-12-{books.year}", f"31-12-{books.year - 1}"),
        (
            item("Banktegoeden", bank, bank_before),
            item("Gelden onderweg van betaaldienstverleners", FIGURES.under_way[now], FIGURES.under_way[now - 1]),
            item("Kas", FIGURES.till[now], FIGURES.till[now - 1]),
            total("Totaal liquide middelen", books.closing.cash, books.opening.cash),
        ),
    )
    credit = "De kredietfaciliteit in rekening-courant bij Streekbank Noordoost bedraagt € 250.000."
    return Note("Liquide middelen", (sheet, credit))


def _equity(books: Books) -> Note:
    before, after = books.opening.equity, books.closing.equity
    kept, dividend = after.reserves - before.reserves, books.cash_flow.dividend
    sheet = Sheet(
        ("", "Geplaatst kapitaal", "Agioreserve", "Overige reserves", "Onverdeeld resultaat", "Totaal"),
        (
            item(f"Stand per 1 januari {books.year}", *_equity_values(before)),
            item(f"Resultaatbestemming {books.year - 1}", 0, 0, kept, -kept, 0),
            item("Uitgekeerd dividend", 0, 0, 0, dividend, dividend),
            item(f"Resultaat boekjaar {books.year}", 0, 0, 0, after.result, after.result),
            total(f"Stand per 31 december {books.year}", *_equity_values(after)),
        ),
    )
    capital = (
        f"Het geplaatste en gestorte kapitaal van € {dutch(after.capital)} bestaat uit 900 gewone aandelen van elk € 100, alle in "
        "handen van Zilverveen Beheer B.V. De balans is opgemaakt voor verwerking van het voorstel tot resultaatbestemming."
    )
    return Note("Eigen vermogen", (sheet, capital))


def _equity_values(equity: Equity) -> tuple[int, ...]:
    return (equity.capital, equity.premium, equity.reserves, equity.result, equity.total)


def _provisions(books: Books) -> Note:
    sheet = Sheet(
        ("", *books.closing.provisions, "Totaal"),
        (
            _row(f"Stand per 1 januari {books.year}", books.opening.provisions),
            _row("Dotatie", of(FIGURES.provisions_added, books.year)),
            _row("Onttrekking", _negative(of(FIGURES.provisions_used, books.year))),
            total(f"Stand per 31 december {books.year}", *_with_sum(books.closing.provisions)),
        ),
    )
    return Note(
        "Voorzieningen", (sheet, REMARKS[books.year].provisions + " De voorzieningen zijn overwegend langlopend.")
    )


def _long_term_debts(books: Books) -> Note:
    opening, closing = books.opening.debts, books.closing.debts
    rows = []
    for name, debt in closing.items():
        loan = FIGURES.loans[name]
        drawn = loan.drawn if loan.drawn_in == books.year else 0
        repaid = debt.total - drawn - opening[name].total
        rows.append(item(name, opening[name].total, drawn, repaid, debt.total, debt.short, debt.long))
    sums = [sum(column) for column in zip(*(row.values for row in rows), strict=True)]
    columns = ("", "1 januari", "Opgenomen", "Afgelost", "31 december", "Waarvan kortlopend", "Langlopend")
    return Note(
        "Langlopende schulden", (Sheet(columns, (*rows, total("Totaal", *sums))), *map(_terms, closing.items()))
    )


def _terms(named_debt: tuple[str, Debt]) -> str:
    name, debt = named_debt
    loan = FIGURES.loans[name]
    part = f"Een bedrag van € {dutch(debt.over_five_years)}" if debt.over_five_years else "Geen deel van de lening"
    return (
        f"{name}: rente {loan.rate} per jaar; aflossing € {dutch(loan.repayment)} per jaar, voor het laatst in {loan.final_year}; "
        f"zekerheid: {loan.security}. {part} heeft een looptijd van meer dan vijf jaar."
    )


def _short_term_debts(books: Books) -> Note:
    due = sum(debt.short for debt in books.closing.debts.values())
    due_before = sum(debt.short for debt in books.opening.debts.values())
    now, before = of(FIGURES.payables, books.year), of(FIGURES.payables, books.year - 1)
    sheet = Sheet(
        ("", f"31-12-{books.year}", f"31-12-{books.year - 1}"),
        (
            item("Aflossingsverplichtingen langlopende schulden", due, due_before),
            *(item(label, now[label], before[label]) for label in now),
            item("Vennootschapsbelasting", books.closing.tax_payable, books.opening.tax_payable),
            total("Totaal kortlopende schulden", books.closing.short_term, books.opening.short_term),
        ),
    )
    return Note("Kortlopende schulden", (sheet,))


def _row(label: str, amounts: Mapping[str, int]) -> Row:
    return item(label, *_with_sum(amounts))


def _with_sum(amounts: Mapping[str, int]) -> tuple[int, ...]:
    return (*amounts.values(), sum(amounts.values()))


def _negative(amounts: Mapping[str, int]) -> dict[str, int]:
    return {name: -amount for name, amount in amounts.items()}
