"""The unit that amounts are in, as a text states it: `in duizenden euro's`, `x € 1.000`, `in TEUR`, `en milliers d'euros`."""

from __future__ import annotations

import re

_CURRENCY = (
    r"(?:euro['’]?s?\b|EUR\b|€|U\.?S\.?\s?dollars\b|USD\b|US\$|\$|GBP\b|£|pounds\ssterling\b|CHF\b"
    r"|Schweizer\sFranken\b|francs\ssuisses\b)"
)
_SCALE = (
    r"(?:duizend(?:en)?\b|miljoen(?:en)?\b|mln\b|miljard(?:en)?\b|mld\b|tausend\b|tsd\b|millionen\b|mio\b|milliarden\b|mrd\b"
    r"|thousands?\b|millions?\b|billions?\b)\.?"
)
_THOUSANDS = r"1(?:[.,'’\s]?000){1,3}(?!\d)"
_STATEMENTS = (
    rf"(?<!\d)(?<!\d\s)[x×]\s?{_CURRENCY}\s?(?:{_THOUSANDS}|1?\s?{_SCALE})",  # x € 1.000, x € 1 miljoen
    rf"(?<!\d)(?<!\d\s)[x×]\s?{_THOUSANDS}(?:\s{_CURRENCY})?",  # x 1.000 euro
    rf"{_CURRENCY}\s?[x×]\s?{_THOUSANDS}",  # € x 1.000
    rf"\bin\s{_SCALE}\s(?:of\s|van\s|an\s)?{_CURRENCY}",  # in duizenden euro's, in thousands of euros
    rf"\bin\s{_CURRENCY}\s?{_SCALE}",  # in € million
    rf"(?:(?<=\()|(?<=amounts\s)|(?<=bedragen\s)|(?<=beträge\s))in\s{_SCALE}",  # (in thousands, except per share data)
    r"\b(?:TEUR\b|T€|kEUR\b)",
    rf"\ben\s(?:milliers|millions|milliards)\sd(?:e\s|['’]\s?){_CURRENCY}",  # en milliers d'euros
    r"\ben\s(?:k€|M€|euros\b|EUR\b)",
    rf"\bin\s(?:hele\s|whole\s|vollen\s)?{_CURRENCY}(?!\s?\d|\s(?:area|zone)\b)",  # in euro's, not: in € 12
)
_UNIT = re.compile("|".join(_STATEMENTS), re.IGNORECASE)


def find_units(text: str) -> list[str]:
    """The distinct statements of currency and scale in the text, in their order; those that differ in case only are one."""
    distinct: dict[str, str] = {}
    for match in _UNIT.finditer(text):
        phrase = " ".join(match[0].split())
        distinct.setdefault(phrase.casefold(), phrase)
    return list(distinct.values())
