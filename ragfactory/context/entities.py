"""Entities as a text states them: companies by their legal form, registration and account numbers, dates, amounts.

All by pattern: what is told stands in the text, letter for letter. An IBAN counts when its checksum (ISO 7064, mod 97-10) is right.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ragfactory.context.periods import DATE

if TYPE_CHECKING:
    from collections.abc import Iterator

EntityKind = Literal["company", "kvk", "iban", "date", "amount", "person", "place", "product"]
KINDS: tuple[EntityKind, ...] = ("company", "kvk", "iban", "date", "amount")  # those that patterns find

_LEGAL_FORM = (
    r"(?:B\.V\.|BV|N\.V\.|NV|V\.O\.F\.|VOF|C\.V\.|GmbH(?:\s&\sCo\.?\sKG)?|gGmbH|AG|KGaA|KG|OHG|UG|e\.\s?V\.|SE"
    r"|S\.A\.R\.L\.|SARL|S\.A\.S\.|SAS|S\.A\.|SA|SCI|EURL|SNC|Ltd\.?|Limited|LLP|LLC|plc|PLC|Inc\.?|N\.A\.|Corp\.?|Corporation)"
)
# Up to six words, of which the first begins with a capital or a digit; what stands between two of them in small letters belongs to
# the name (`Camping de Brem`, `van der Berg`). A full stop ends the sentence, unless it is that of a short word (`Zn.`) or stands
# within one (`bol.com`). A legal form that another name follows ends its own (`Müller GmbH en Dupont SARL`).
_NEXT = rf"{_LEGAL_FORM}(?:,|\.[ ]|[ ](?:en|und|et|and|&)[ ])"
_WORD = r"[A-Z0-9À-ÖØ-Þ](?:\w{0,2}\.|(?:[\w'’&-]|\.(?=\w)){0,40})"
_NAMED = rf"(?!{_NEXT}){_WORD}"
# `der` alone is left out: in German it is what stands between any noun and a company (`Geschäftsführer der Muster AG`).
_PARTICLE = r"(?:(?:van|von)(?:[ ](?:de[rn]?|het|['’]t))?|de[ ]la|de|den|het|['’]t|te[rn]?|op[ ]den|la|le|du|des|of)"
_JOINED = rf"(?:[ ](?:&|und|et|en)(?=[ ])|(?:(?<![ ]en)(?<![ ]et)(?<![ ]und)[ ]{_PARTICLE})?[ ]{_NAMED})"
_COMPANY = re.compile(rf"(?<![\w.])[a-z]?{_NAMED}{_JOINED}{{0,5}},?[ ]{_LEGAL_FORM}(?![\w])")
# What a company has or is, and no part of its name: `Directie van`, `Jahresabschluss von`, `Board of Directors of`.
_OF_A_COMPANY = re.compile(
    r"(?:\w*(?:rekening|verslag|stukken|cijfers|directie|directeur|bestuur(?:der)?|bestuurslid|aandeel(?:houder)?|aandelen|balans"
    r"|statuten|activa|passiva|resultaat|omzet|kosten|medewerker|leden|klant|dochter|vestiging|overname|offerte|factuur|naam|adres"
    r"|voorwaarden|toelichting|vermogen|contract|overeenkomst|vertegenwoordiger|eigenaar|commissaris(?:sen)?|accountant|namens"
    r"|abschluss|bericht|bilanz|führer|führung|gesellschafter|vorstand|rat|anteile?|tochter|mitarbeiter|kunden?|angebot|rechnung"
    r"|vertrag|sitz|kauf|übernahme|vertreter|inhaber|gérante?|dirigeant|comptes|bilan|rapport|filiale|siège|statuts|parts|actions?"
    r"|associés?|clients?|contrat|devis|facture|acquisition|cession|president|officer|director|chairman|board|stock|share"
    r"|(?:share|stock)holder|subsidiar(?:y|ie)|statement|report|note|agreement|merger|sale|member|employee|management|purchase|account"
    r"|\d+|customer|division|affiliate|part|secretary|treasurer|securities|list|name|address|offices?|exercice|assets|results?)"
    r"(?:e?n|e?s)?)",
    re.IGNORECASE,
)
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
_ARTICLES = frozenset(["De", "Het", "Een", "Die", "Der", "Das", "Le", "La", "Les", "The", "Bij", "Van", "Von", "Bei"])
_SMALL = frozenset(["de", "der", "den", "het", "'t", "’t", "la"])
_PARTICLES = re.compile(_PARTICLE)
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
    names = (match[0].split() for pattern in (_COMPANY, _FOUNDATION) for match in pattern.finditer(text))
    yield from (("company", name) for words in names if (name := _without_article(words)))
    yield from (("kvk", re.sub(r"\D", "", match[1])) for match in _KVK.finditer(text))
    yield from (
        ("iban", iban) for match in _IBAN.finditer(text) if (iban := match[0].replace(" ", "")) and is_iban(iban)
    )
    yield from (("date", " ".join(match[0].split())) for match in _DATE.finditer(text))
    yield from (("amount", " ".join(match[0].split())) for match in _AMOUNT.finditer(text))


def _own_words(words: list[str]) -> list[str]:
    """A name without what is said of it: the words up to the last particle that follows what a company has or is."""
    for at in range(len(words) - 2, 0, -1):
        if _PARTICLES.fullmatch(words[at]) and _OF_A_COMPANY.fullmatch(words[at - 1]):
            return _own_words(words[at + 1 :])
    return words


def _without_article(words: list[str]) -> str:
    """A name whose first word opens the sentence rather than the name; empty where nothing but a legal form is left."""
    words = _own_words(words)
    opens = words[0] in _ARTICLES and not (words[0] in {"Van", "Von", "De"} and words[1:2] and words[1] in _SMALL)
    words = words[1:] if opens else words
    while opens and words and words[0] in _SMALL:  # `Bij de Bakker B.V.`
        words = words[1:]
    return " ".join(words) if len(words) > 1 else ""


def is_iban(text: str) -> bool:
    """Whether the text, without spaces, is an IBAN whose checksum is right."""
    if len(text) not in _IBAN_LENGTHS or not text.isascii() or not text.isalnum():
        return False
    digits = "".join(str(int(char, 36)) for char in text[4:] + text[:4])
    return int(digits) % 97 == 1
