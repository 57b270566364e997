"""The period a text is about, as it states it: `boekjaar 2024`, `Geschäftsjahr 2023/24`, `exercice clos le 31 décembre 2024`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.documents.model import BlockKind

if TYPE_CHECKING:
    from ragfactory.documents.model import Document

# The opening of a document without pages, in characters.
_OPENING = 2000

_YEAR = r"(?:19|20)\d\d"
_YEARS = rf"{_YEAR}(?:\s?[/–-]\s?(?:{_YEAR}|\d\d))?(?!\d)"
_MONTH = (
    r"(?:januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december"
    r"|januar|jänner|februar|märz|mai|august|dezember"
    r"|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre"
    r"|january|february|march|may|june|july|october)"
)
DATE = (
    rf"(?:\d{{1,2}}(?:er|st|nd|rd|th)?\.?\s{_MONTH},?\s{_YEAR}|{_MONTH}\s\d{{1,2}},?\s{_YEAR}"
    rf"|\d{{1,2}}[-./]\d{{1,2}}[-./]{_YEAR})"
)
_REPORT = (
    r"(?:(?:jaarrekening|jaarverslag|jaarstukken|jaarcijfers)(?:\sover)?|jahresabschluss|jahresbericht|geschäftsbericht"
    r"|comptes\sannuels|rapport\sannuel|annual\sreport(?:\sand\saccounts)?|annual\saccounts|financial\sstatements)"
)
_OF_A_YEAR = (
    rf"(?:boekjaar|verslagjaar|geschäftsjahr|wirtschaftsjahr|exercice|fiscal(?:\syear)?|financial\syear|{_REPORT})"
)
_ENDED = (
    r"(?:boekjaar\seindigend\sop|geschäftsjahr\szum|exercice\sclos\s(?:le|au)|(?:fiscal\s|financial\s)?year\sended)"
)
_FISCAL_YEAR = re.compile(rf"\b(?:{_OF_A_YEAR}\s{_YEARS}|{_ENDED}\s{DATE}|FY\s?{_YEARS})", re.IGNORECASE)
_AS_AT = re.compile(rf"\b(?:per|ultimo|zum|au|as\sat|as\sof)\s{DATE}", re.IGNORECASE)
_REPORT_OF = re.compile(rf"{_REPORT}\s", re.IGNORECASE)
_ONE_YEAR = re.compile(_YEAR)
_SHORT_SECOND_YEAR = re.compile(rf"({_YEAR})\s?[/–-]\s?(\d\d)(?!\d)")


@dataclass(frozen=True, slots=True)
class Period:
    """A fiscal year or a balance sheet date in the words it was stated in, and the years in them."""

    text: str
    years: frozenset[str]


def find_periods(text: str) -> list[Period]:
    """Every fiscal year named in the text, then every balance sheet date."""
    return [*_find(_FISCAL_YEAR, text), *_find(_AS_AT, text)]


def document_period(document: Document) -> Period | None:
    """The period a document is about; None where it names none, or several in one place.

    A fiscal year goes before a date. Places are asked in this order: the title, the headings of the first page (or the
    first 2000 characters), all of its text (for a fiscal year alone), and the other headings.
    """
    title, first_headings, opening, all_headings = _places(document)
    return _first_agreed(_FISCAL_YEAR, title, first_headings, opening, all_headings) or _first_agreed(
        _AS_AT, title, first_headings, all_headings
    )


def _places(document: Document) -> tuple[str, str, str, str]:
    """Where a document says what period it is about: its title, the headings of its opening, its opening, and all headings."""
    headings = [(block.start, document.text_of(block)) for block in document.blocks if block.kind is BlockKind.HEADING]
    opening = max((block.end for block in document.blocks if block.page == 1), default=_OPENING)
    first_headings = "\n".join(text for start, text in headings if start < opening)
    return document.title or "", first_headings, document.text[:opening], "\n".join(text for _, text in headings)


def period_in_short(document: Document) -> str | None:
    """The period a document is about, without the name of a report: of `Jaarrekening 2024` the balance sheet date that is in its
    headings or on its first page, where there is one of that year and no other, else `2024`. None where it has none.
    """
    period = document_period(document)
    if period is None:
        return None
    report = _REPORT_OF.match(period.text)
    if report is None:
        return period.text
    dates = [found for place in _places(document) for found in _find(_AS_AT, place) if found.years == period.years]
    distinct = {date.text.casefold() for date in dates}
    return dates[0].text if len(distinct) == 1 else period.text[report.end() :]


def document_years(document: Document) -> list[int]:
    """The years of the period a document is about, ascending: 2023 and 2024 for `Geschäftsjahr 2023/24`; none where it has none."""
    period = document_period(document)
    if period is None:
        return []
    years = {int(year) for year in period.years}
    for first, second in _SHORT_SECOND_YEAR.findall(period.text):
        if (int(first) + 1) % 100 == int(second):
            years.add(int(first) + 1)
    return sorted(years)


def _first_agreed(pattern: re.Pattern[str], *places: str) -> Period | None:
    """The period of the first place that names one, and only one."""
    for place in places:
        found = _find(pattern, place)
        if found and all(period.years == found[0].years for period in found):
            return found[0]
    return None


def _find(pattern: re.Pattern[str], text: str) -> list[Period]:
    phrases = (" ".join(match[0].split()) for match in pattern.finditer(text))
    return [Period(phrase, frozenset(_ONE_YEAR.findall(phrase))) for phrase in phrases]
