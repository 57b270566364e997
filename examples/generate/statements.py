"""The primary statements: balance sheet, profit and loss account and cash flow statement, each with last year's figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from .sheet import Sheet, head, item, subtotal, total

if TYPE_CHECKING:
    from collections.abc import Callable

    from .ledger import Books

T = TypeVar("T")


def assets(books: Books) -> Sheet:
    """The debit side of the balance sheet."""
    now, before = books.closing.assets, books.opening.assets
    both = _both(books.closing, books.opening)
    return Sheet(
        _balance_columns("Activa", books.year),
        (
            head("Vaste activa"),
            head("Materiële vaste activa"),
            *(item(name, "1", now[name].book_value, before[name].book_value) for name in now),
            subtotal("Totaal vaste activa", None, *both(lambda b: b.fixed_assets)),
            head("Vlottende activa"),
            item("Voorraden", "2", *both(lambda b: b.inventories)),
            item("Vorderingen", "3", *both(lambda b: b.receivables)),
            item("Liquide middelen", "4", *both(lambda b: b.cash)),
            subtotal("Totaal vlottende activa", None, *both(lambda b: b.inventories + b.receivables + b.cash)),
            total("Totaal activa", None, *both(lambda b: b.total_assets)),
        ),
    )


def liabilities(books: Books) -> Sheet:
    """The credit side of the balance sheet."""
    both = _both(books.closing, books.opening)
    return Sheet(
        _balance_columns("Passiva", books.year),
        (
            head("Eigen vermogen"),
            item("Geplaatst kapitaal", "5", *both(lambda b: b.equity.capital)),
            item("Agioreserve", None, *both(lambda b: b.equity.premium)),
            item("Overige reserves", None, *both(lambda b: b.equity.reserves)),
            item("Onverdeeld resultaat", None, *both(lambda b: b.equity.result)),
            subtotal("Totaal eigen vermogen", None, *both(lambda b: b.equity.total)),
            item("Voorzieningen", "6", *both(lambda b: sum(b.provisions.values()))),
            item("Langlopende schulden", "7", *both(lambda b: b.long_term)),
            item("Kortlopende schulden", "8", *both(lambda b: b.short_term)),
            total("Totaal passiva", None, *both(lambda b: b.total_liabilities)),
        ),
    )


def profit_and_loss(books: Books, before: Books) -> Sheet:
    """The profit and loss account, by nature of cost."""
    both = _both(books.result, before.result)
    return Sheet(
        ("", "Toelichting", str(books.year), str(books.year - 1)),
        (
            item("Netto-omzet", "9", *both(lambda r: r.revenue)),
            item("Overige bedrijfsopbrengsten", "10", *both(lambda r: r.other_income)),
            subtotal("Som der bedrijfsopbrengsten", None, *both(lambda r: r.income)),
            item("Inkoopwaarde van de omzet", None, *both(lambda r: r.cost_of_sales)),
            item("Personeelskosten", "11", *both(lambda r: r.staff_costs)),
            item("Afschrijvingen materiële vaste activa", "1", *both(lambda r: r.depreciation)),
            item("Overige bedrijfskosten", "12", *both(lambda r: r.operating_costs)),
            subtotal("Som der bedrijfslasten", None, *both(lambda r: r.costs)),
            subtotal("Bedrijfsresultaat", None, *both(lambda r: r.operating)),
            item("Rentebaten", None, *both(lambda r: r.interest_income)),
            item("Rentelasten en soortgelijke kosten", "13", *both(lambda r: -r.interest)),
            subtotal("Resultaat voor belastingen", None, *both(lambda r: r.before_tax)),
            item("Vennootschapsbelasting", "14", *both(lambda r: -r.tax)),
            total("Resultaat na belastingen", None, *both(lambda r: r.net)),
        ),
    )


def cash_flow(books: Books, before: Books) -> Sheet:
    """The cash flow statement, and how it ties with the change in cash."""
    both = _both(books.cash_flow, before.cash_flow)
    return Sheet(
        ("", str(books.year), str(books.year - 1)),
        (
            head("Kasstroom uit operationele activiteiten"),
            item("Bedrijfsresultaat", *both(lambda c: c.operating_result)),
            item("Afschrijvingen", *both(lambda c: c.depreciation)),
            item("Boekresultaat verkoop activa", *both(lambda c: c.gain_on_sales)),
            item("Mutatie voorzieningen", *both(lambda c: c.provisions)),
            item("Mutatie voorraden", *both(lambda c: c.inventories)),
            item("Mutatie vorderingen", *both(lambda c: c.receivables)),
            item("Mutatie kortlopende schulden", *both(lambda c: c.payables)),
            subtotal("Kasstroom uit bedrijfsoperaties", *both(lambda c: c.from_business)),
            item("Saldo betaalde en ontvangen rente", *both(lambda c: c.interest)),
            item("Betaalde vennootschapsbelasting", *both(lambda c: c.tax)),
            subtotal("Totaal operationele activiteiten", *both(lambda c: c.operating)),
            head("Kasstroom uit investeringsactiviteiten"),
            item("Investeringen in materiële vaste activa", *both(lambda c: c.invested)),
            item("Desinvesteringen", *both(lambda c: c.sold)),
            subtotal("Totaal investeringsactiviteiten", *both(lambda c: c.investing)),
            head("Kasstroom uit financieringsactiviteiten"),
            item("Opgenomen leningen", *both(lambda c: c.drawn)),
            item("Aflossing leningen", *both(lambda c: c.repaid)),
            item("Uitgekeerd dividend", *both(lambda c: c.dividend)),
            subtotal("Totaal financieringsactiviteiten", *both(lambda c: c.financing)),
            total("Mutatie liquide middelen", *both(lambda c: c.net)),
            item("Liquide middelen per 1 januari", books.opening.cash, before.opening.cash),
            item("Liquide middelen per 31 december", books.closing.cash, before.closing.cash),
        ),
    )


def _balance_columns(side: str, year: int) -> tuple[str, ...]:
    return (side, "Toelichting", f"31-12-{year}", f"31-12-{year - 1}")


def _both(now: T, before: T) -> Callable[[Callable[[T], int]], tuple[int, int]]:
    """A function that takes one figure of this year and of the year before."""
    return lambda figure: (figure(now), figure(before))
