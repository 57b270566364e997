"""A table of an annual account as data: rows of figures, without a thought for how they look."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from .figures import of

if TYPE_CHECKING:
    from .figures import Series

Value = int | float | str | None


class Kind(Enum):
    """What a row is, which decides how it stands out."""

    HEAD = auto()
    ITEM = auto()
    SUBTOTAL = auto()
    TOTAL = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a sheet: a label and a value for each of the other columns."""

    label: str
    values: tuple[Value, ...] = ()
    kind: Kind = Kind.ITEM


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table. `columns` are its column heads, the one of the labels first; `unit` stands above the figures."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    unit: str = "€"


def head(label: str) -> Row:
    """A row that announces those below it."""
    return Row(label, (), Kind.HEAD)


def item(label: str, *values: Value) -> Row:
    """An ordinary row."""
    return Row(label, values)


def subtotal(label: str, *values: Value) -> Row:
    """The sum of a group of rows."""
    return Row(label, values, Kind.SUBTOTAL)


def total(label: str, *values: Value) -> Row:
    """The sum of the sheet."""
    return Row(label, values, Kind.TOTAL)


@dataclass(frozen=True, slots=True)
class Note:
    """A note to the accounts: paragraphs and sheets, in the order they are read."""

    title: str
    parts: tuple[str | Sheet, ...]


def breakdown(sum_label: str, series: Series, year: int, *, title: str = "", at_year_end: bool = False) -> Sheet:
    """A sheet of what an item consists of, for a year and the one before, and their sums."""
    now, before = of(series, year), of(series, year - 1)
    day = "31-12-" if at_year_end else ""
    return Sheet(
        (title, f"{day}{year}", f"{day}{year - 1}"),
        (
            *(item(label, now[label], before[label]) for label in series),
            total(sum_label, sum(now.values()), sum(before.values())),
        ),
    )
