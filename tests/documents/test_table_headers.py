from __future__ import annotations

import pytest

from ragfactory.documents.table_headers import guess_header_rows, is_amount


@pytest.mark.parametrize(
    "cell",
    [
        "1.250",
        "€ 1.250,00",
        "(620)",
        "$28,318",
        "12%",
        "(3.1)%",
        "4",
        "-37.6",
        "EUR 12",
        "12,50 €",
        "€ 12,-",
        "1'000",
        "2 mln",
    ],
)
def test_amounts(cell: str) -> None:
    assert is_amount(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "2023",
        "2022/2023",
        "FY 2019",
        "Q1 2020",
        "31-12-2023",
        "31 december 2023",
        "Level 1",
        "—",
        "2019 (1)",
        "May 26, 2019",
    ],
)
def test_what_is_no_amount(cell: str) -> None:
    assert not is_amount(cell)


@pytest.mark.parametrize(
    ("rows", "heads"),
    [
        ([["", "2023", "2022"], ["Omzet", "10", "9"]], 1),
        ([["", "Boekjaar", ""], ["", "2023", "2022"], ["x € 1.000", "", ""], ["Omzet", "10", "9"]], 2),
        ([["Balans", "", ""], ["", "2023", "2022"], ["Activa", "", ""], ["Gebouwen", "10", "9"]], 2),
        ([["Omzet", "10", "9"], ["Kosten", "5", "4"]], 0),
        ([["Naam", "Plaats"], ["Jan", "Ede"]], 0),
        ([], 0),
    ],
)
def test_header_rows(rows: list[list[str]], heads: int) -> None:
    assert guess_header_rows(rows) == heads
