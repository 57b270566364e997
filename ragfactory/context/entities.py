"""Entities as a text states them: companies by their legal form, registration and account numbers, dates, amounts.

All by pattern: what is told stands in the text, letter for letter. An IBAN counts when its checksum (ISO 7064, mod 97-10) is right.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ragfactory.context.companies import find_companies
from ragfactory.context.periods import DATE

if TYPE_CHECKING:
    from collections.abc import Iterator

EntityKind = Literal["company", "kvk", "iban", "date", "amount", "person", "place", "product"]
KINDS: tuple[EntityKind, ...] = ("company", "kvk", "iban", "date", "amount")  # those that patterns find

_WORD = r"[A-Z0-9À-ÖØ-Þ](?:\w{0,2}\.|(?:[\w'’&-]|\.(?=\w)){0,40})"
_FOUNDATION = re.compile(
    rf"\b(?:Stichting|Coöperatie|Vereniging)(?:(?:[ ](?:van|de|der|den|het|voor|en|tot|&))*[ ]{_WORD}){{1,4}}"
)
_KVK = re.compile(
    r"\b(?:KvK|K\.v\.K\.|Kamer van Koophandel|handelsregister)\D{0,40}?(?<!\d)(\d{8}|\d{2}[. ]\d{3}[. ]\d{3})(?!\d)",
    re.IGNORECASE,
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b")
_DATE = re.compile(rf"\b{DATE}\b", re.IGNORECASE)
_NUMBER = r"-?\d{1,3}(?:[.,'’ ]\d{3})*(?:[.,]\d{1,2}|,-)?(?![\d.,]*\d)"
_SCALE = r"(?:\s?(?:duizend|miljoen|miljard|mln|mld|Tsd|Mio|Mrd|millions?|milliards?|thousand|billion|bn|m|k)\b)?"
_AMOUNT = re.compile(
    rf"(?:(?:€|EUR|USD|GBP|CHF|\$|£)\s?{_NUMBER}{_SCALE}|(?<![\w.,]){_NUMBER}{_SCALE}\s?(?:€|EUR\b|euro\b|CHF\b|USD\b|GBP\b))"
)
_IBAN_LENGTHS = range(15, 35)


@dataclass(frozen=True, slots=True)
class Entity:
    """Something named in a text, in the words it was first named in. Persons, places and products only a model finds."""

    kind: EntityKind
    text: str


def find_entities(text: str, *, most: int = 8) -> tuple[Entity, ...]:
    """The entities of each kind that are named most often, those named first going first among equals; `most` of a kind."""
    found: dict[EntityKind, Counter[str]] = {kind: Counter() for kind in KINDS}
    for kind, name in _find(text):
        found[kind][name] += 1
    return tuple(Entity(kind, name) for kind in KINDS for name, _ in found[kind].most_common(most))


def _find(text: str) -> Iterator[tuple[EntityKind, str]]:
    yield from (("company", name) for name in find_companies(text))
    yield from (("company", " ".join(match[0].split())) for match in _FOUNDATION.finditer(text))
    yield from (("kvk", re.sub(r"\D", "", match[1])) for match in _KVK.finditer(text))
    yield from (
        ("iban", iban) for match in _IBAN.finditer(text) if (iban := match[0].replace(" ", "")) and is_iban(iban)
    )
    yield from (("date", " ".join(match[0].split())) for match in _DATE.finditer(text))
    yield from (("amount", " ".join(match[0].split())) for match in _AMOUNT.finditer(text))


def is_iban(text: str) -> bool:
    """Whether the text, without spaces, is an IBAN whose checksum is right."""
    if len(text) not in _IBAN_LENGTHS or not text.isascii() or not text.isalnum():
        return False
    digits = "".join(str(int(char, 36)) for char in text[4:] + text[:4])
    return int(digits) % 97 == 1
