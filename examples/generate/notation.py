"""Writes numbers as the Dutch do: 1.577.000 and 4,2."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal


def dutch(number: float | Decimal, decimals: int = 0) -> str:
    """The number with points between thousands and a comma before `decimals` decimals."""
    return f"{number:,.{decimals}f}".translate(str.maketrans(",.", ".,"))
