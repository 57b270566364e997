"""Derives the books of each year from the given figures: the closing balance, the result and the cash flow."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .figures import FIGURES, YEARS, Amounts, Asset, Figures, Loan, Sale, of

# Corporate income tax: (upper bound of the low bracket, low rate, high rate).
TAX_BRACKETS = {2022: (395_000, 0.15, 0.258), 2023: (200_000, 0.19, 0.258), 2024: (200_000, 0.19, 0.258)}


@dataclass(frozen=True, slots=True)
class Equity:
    """Shareholder's equity before appropriation of the year's result."""

    capital: int
    premium: int
    reserves: int
    result: int

    @property
    def total(self) -> int:
        return self.capital + self.premium + self.reserves + self.result


@dataclass(frozen=True, slots=True)
class Debt:
    """What is owed on a loan, and the part of it that falls due within a year and after more than five."""

    total: int
    short: int
    over_five_years: int

    @property
    def long(self) -> int:
        return self.total - self.short


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance sheet at 31 December."""

    assets: dict[str, Asset]
    inventories: int
    receivables: int
    cash: int
    equity: Equity
    provisions: Amounts
    debts: dict[str, Debt]
    payables: int
    tax_payable: int

    @property
    def fixed_assets(self) -> int:
        return sum(asset.book_value for asset in self.assets.values())

    @property
    def total_assets(self) -> int:
        return self.fixed_assets + self.inventories + self.receivables + self.cash

    @property
    def debt(self) -> int:
        return sum(debt.total for debt in self.debts.values())

    @property
    def long_term(self) -> int:
        return sum(debt.long for debt in self.debts.values())

    @property
    def short_term(self) -> int:
        return sum(debt.short for debt in self.debts.values()) + self.payables + self.tax_payable

    @property
    def total_liabilities(self) -> int:
        """Equity included."""
        return self.equity.total + sum(self.provisions.values()) + self.long_term + self.short_term

    @property
    def solvency(self) -> float:
        """Equity over total assets."""
        return self.equity.total / self.total_assets


@dataclass(frozen=True, slots=True)
class Result:
    """The profit and loss account. Costs are positive."""

    revenue: int
    other_income: int
    cost_of_sales: int
    staff_costs: int
    depreciation: int
    operating_costs: int
    interest_income: int
    interest: int
    tax: int

    @property
    def income(self) -> int:
        return self.revenue + self.other_income

    @property
    def costs(self) -> int:
        return self.cost_of_sales + self.staff_costs + self.depreciation + self.operating_costs

    @property
    def operating(self) -> int:
        return self.income - self.costs

    @property
    def before_tax(self) -> int:
        return self.operating + self.interest_income - self.interest

    @property
    def net(self) -> int:
        return self.before_tax - self.tax


@dataclass(frozen=True, slots=True)
class CashFlow:
    """The cash flow statement, indirect method. Money coming in is positive."""

    operating_result: int
    depreciation: int
    gain_on_sales: int
    provisions: int
    inventories: int
    receivables: int
    payables: int
    interest: int
    tax: int
    invested: int
    sold: int
    drawn: int
    repaid: int
    dividend: int

    @property
    def from_business(self) -> int:
        working_capital = self.inventories + self.receivables + self.payables
        return self.operating_result + self.depreciation + self.gain_on_sales + self.provisions + working_capital

    @property
    def operating(self) -> int:
        return self.from_business + self.interest + self.tax

    @property
    def investing(self) -> int:
        return self.invested + self.sold

    @property
    def financing(self) -> int:
        return self.drawn + self.repaid + self.dividend

    @property
    def net(self) -> int:
        return self.operating + self.investing + self.financing


@dataclass(frozen=True, slots=True)
class Books:
    """One year: where it began, what it brought, where it ended."""

    year: int
    opening: Balance
    result: Result
    cash_flow: CashFlow
    closing: Balance
    sales: dict[str, Sale]


def books(figures: Figures = FIGURES) -> dict[int, Books]:
    """The books of every year, each opening with the balance the one before closed with."""
    balance = _opening(figures)
    years = {}
    for year in YEARS:
        years[year] = _books(figures, year, balance)
        balance = years[year].closing
    return years


def _opening(figures: Figures) -> Balance:
    given = figures.opening
    return Balance(
        assets=given.assets,
        inventories=given.inventories,
        receivables=given.receivables,
        cash=given.cash,
        equity=Equity(given.capital, given.premium, given.reserves, given.result),
        provisions=given.provisions,
        debts={name: _debt(loan, YEARS[0] - 1) for name, loan in figures.loans.items()},
        payables=given.payables,
        tax_payable=given.tax_payable,
    )


def _books(figures: Figures, year: int, opening: Balance) -> Books:
    index = YEARS.index(year)
    sales = {sale.asset_class: sale for sale in figures.sales if sale.year == year}
    result = _result(figures, year, sales)
    equity = opening.equity
    reserves = equity.reserves + equity.result - figures.dividend[index]
    moneyless = Balance(
        assets=_assets(figures, year, opening.assets, sales),
        inventories=sum(of(figures.inventories, year).values()),
        receivables=sum(of(figures.receivables, year).values()),
        cash=0,
        equity=replace(equity, reserves=reserves, result=result.net),
        provisions=_provisions(figures, year, opening.provisions),
        debts={name: _debt(loan, year) for name, loan in figures.loans.items()},
        payables=sum(of(figures.payables, year).values()),
        tax_payable=figures.tax_payable[index],
    )
    cash_flow = _cash_flow(figures, year, result, sales, before=opening, after=moneyless)
    closing = replace(moneyless, cash=opening.cash + cash_flow.net)
    return Books(year, opening, result, cash_flow, closing, sales)


def _cash_flow(
    figures: Figures, year: int, result: Result, sales: dict[str, Sale], *, before: Balance, after: Balance
) -> CashFlow:
    drawn = sum(loan.drawn for loan in figures.loans.values() if loan.drawn_in == year)
    return CashFlow(
        operating_result=result.operating,
        depreciation=result.depreciation,
        gain_on_sales=-_gain(sales),
        provisions=sum(after.provisions.values()) - sum(before.provisions.values()),
        inventories=before.inventories - after.inventories,
        receivables=before.receivables - after.receivables,
        payables=after.payables - before.payables,
        interest=result.interest_income - result.interest,
        tax=after.tax_payable - before.tax_payable - result.tax,
        invested=-sum(of(figures.invested, year).values()),
        sold=sum(sale.price for sale in sales.values()),
        drawn=drawn,
        repaid=after.debt - before.debt - drawn,
        dividend=-figures.dividend[YEARS.index(year)],
    )


def _result(figures: Figures, year: int, sales: dict[str, Sale]) -> Result:
    index = YEARS.index(year)
    operating_costs = (figures.housing, figures.running, figures.selling, figures.general)
    untaxed = Result(
        revenue=sum(of(figures.revenue, year).values()),
        other_income=figures.other_income[index] + _gain(sales),
        cost_of_sales=figures.cost_of_sales[index],
        staff_costs=sum(of(figures.staff_costs, year).values()),
        depreciation=sum(of(figures.depreciated, year).values()),
        operating_costs=sum(sum(of(series, year).values()) for series in operating_costs),
        interest_income=figures.interest_income[index],
        interest=sum(of(figures.interest, year).values()),
        tax=0,
    )
    return replace(untaxed, tax=_tax(untaxed.before_tax, year))


def _tax(profit: int, year: int) -> int:
    bound, low, high = TAX_BRACKETS[year]
    return round(min(profit, bound) * low + max(profit - bound, 0) * high)


def _gain(sales: dict[str, Sale]) -> int:
    return sum(sale.price - sale.sold.book_value for sale in sales.values())


def _assets(figures: Figures, year: int, opening: dict[str, Asset], sales: dict[str, Sale]) -> dict[str, Asset]:
    invested, depreciated = of(figures.invested, year), of(figures.depreciated, year)
    closing = {}
    for name, asset in opening.items():
        sold = sales[name].sold if name in sales else Asset(0)
        closing[name] = Asset(
            cost=asset.cost + invested[name] - sold.cost,
            depreciation=asset.depreciation + depreciated[name] - sold.depreciation,
        )
    return closing


def _provisions(figures: Figures, year: int, opening: Amounts) -> Amounts:
    added, used = of(figures.provisions_added, year), of(figures.provisions_used, year)
    return {name: amount + added[name] - used[name] for name, amount in opening.items()}


def _debt(loan: Loan, year: int) -> Debt:
    """What is left at the end of `year`: a loan that was there at the opening has been repaid on since its first year."""
    first = YEARS[0] - 1 if loan.drawn_in is None else loan.drawn_in
    if year < first:
        return Debt(0, 0, 0)
    total = loan.opening + loan.drawn - loan.repayment * (year - first)
    return Debt(total, short=loan.repayment, over_five_years=max(total - 5 * loan.repayment, 0))
