"""Units of amounts: quoted in four languages, and amounts themselves left alone."""

from __future__ import annotations

import pytest

from ragfactory.context.units import find_units


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("(bedragen in euro)", "in euro"),
        ("alle bedragen in hele euro’s", "in hele euro’s"),
        ("(x € 1.000)", "x € 1.000"),
        ("bedragen × 1.000 euro", "× 1.000 euro"),
        ("€ x 1.000", "€ x 1.000"),
        ("x € 1 miljoen", "x € 1 miljoen"),
        ("in duizenden euro's", "in duizenden euro's"),
        ("bedragen in duizenden", "in duizenden"),
        ("Beträge in TEUR", "TEUR"),
        ("31.12.2024 TEUR", "TEUR"),
        ("in Tausend Euro", "in Tausend Euro"),
        ("Angaben in Mio. €", "in Mio. €"),
        ("en milliers d’euros", "en milliers d’euros"),
        ("montants en k€", "en k€"),
        ("(en euros)", "en euros"),
        ("(in thousands, except per share data)", "in thousands"),
        ("amounts in millions", "in millions"),
        ("in thousands\nof euros", "in thousands of euros"),
        ("in millions of U.S. dollars", "in millions of U.S. dollars"),
        ("in € million", "in € million"),
    ],
)
def test_a_unit_is_quoted(text: str, unit: str) -> None:
    assert find_units(text) == [unit]


@pytest.mark.parametrize(
    "text",
    [
        "€ 1.000",
        "3 x 1.000 stuks",
        "in € 12",
        "in the euro area",
        "in euro area banks",
        "in millions of homes",
        "12 euro",
    ],
)
def test_amounts_and_other_words_are_no_units(text: str) -> None:
    assert find_units(text) == []


def test_each_statement_once_in_order() -> None:
    assert find_units("(in TEUR) und in Mio. €, wieder in  teur") == ["TEUR", "in Mio. €"]
