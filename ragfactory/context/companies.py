"""Companies that a text names with their legal form, without the words around a name that are no part of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_DUTCH_FORM = r"(?:B\.V\.|BV|N\.V\.|NV|V\.O\.F\.|VOF|C\.V\.)"
_LEGAL_FORM = (
    rf"(?:{_DUTCH_FORM}|GmbH(?:\s&\sCo\.?\sKG)?|gGmbH|AG|KGaA|KG|OHG|UG|e\.\s?V\.|SE"
    r"|S\.A\.R\.L\.|SARL|S\.A\.S\.|SAS|S\.A\.|SA|SCI|EURL|SNC|Ltd\.?|Limited|LLP|LLC|plc|PLC|Inc\.?|N\.A\.|Corp\.?|Corporation)"
)
# Up to six words, of which the first begins with a capital or a digit; what stands between two of them in small letters belongs to
# the name (`Camping de Brem`, `van der Berg`). A full stop ends the sentence, unless it is that of a short word (`Zn.`) or stands
# within one (`bol.com`). A legal form that another name follows ends its own (`Müller GmbH en Dupont SARL`).
_NEXT = rf"{_LEGAL_FORM}(?:,|\.[ ]|[ ](?:en|und|et|and|&)[ ])"
_WORD = r"[A-Z0-9À-ÖØ-Þ](?:\w{0,2}\.|(?:[\w'’&-]|\.(?=\w)){0,40})"
_NAMED = rf"(?!{_NEXT}){_WORD}"
# In German `der` is what stands between any noun and a company (`Geschäftsführer der Muster AG`): it belongs to Dutch names only.
_DER = rf"der(?=(?:[ ]{_NAMED}){{1,3}},?[ ]{_DUTCH_FORM}(?!\w))"
_PARTICLE = (
    rf"(?:(?:van|von)(?:[ ](?:de[rn]?|het|['’]t))?|de[ ]la|{_DER}|de|den|het|['’]t|te[rn]?|op[ ]den|la|le|du|des|of)"
)
_JOINED = rf"(?:[ ](?:&|und|et|en)(?=[ ])|(?:(?<![ ]en)(?<![ ]et)(?<![ ]und)[ ]{_PARTICLE})?[ ]{_NAMED})"
_COMPANY = re.compile(rf"(?<![\w.])[a-z]?{_NAMED}{_JOINED}{{0,5}},?[ ]{_LEGAL_FORM}(?![\w])")
_FORM_ALONE = re.compile(rf"{_LEGAL_FORM}(?:[ ]{_LEGAL_FORM})*")
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
# Items of accounts and papers, which stand right before a company's name in a line: `Lening`, `Gesellschafterdarlehen`, `Loan`.
_ITEM = re.compile(
    r"[\w-]*(?:lening(?:en)?|vergoeding(?:en)?|vordering(?:en)?|schuld(?:en)?|rekening[ -]courant|jaarrekening|jaarverslag"
    r"|jaarstukken|darlehen|forderung(?:en)?|verbindlichkeit(?:en)?|vergütung(?:en)?|verrechnungskonto|jahresabschluss"
    r"|geschäftsbericht)|namens|r/c|dividend(?:en|s)?|factuur|offerte|rechnung|angebot|namen|auftrag|prêts?|emprunts?|créances?|dettes?"
    r"|comptes?[ -]courants?|redevances?|honoraires|dividendes?|factures?|devis|rapport|loans?|receivables?|payables?|fees?|invoice"
    r"|quotation",
    re.IGNORECASE,
)
# fmt: off
# Words that open a sentence before a name. `Van` and `Von` are not among them: a name may begin so.
_OPENERS = frozenset(
    ["Aan", "Tussen", "Door", "Met", "Voor", "Naast", "Volgens", "Ook", "Wij", "Dat", "Dit", "Deze", "Als", "Op",
     "In", "Uit", "Sinds", "Na", "En", "Of", "Maar", "Zowel", "Tegen", "Bij", "Im", "Am", "An", "Auf", "Mit", "Für",
     "Zwischen", "Durch", "Nach", "Seit", "Auch", "Und", "Dass", "Diese", "Gegen", "Laut", "Wir", "Sowohl", "Bei", "Pour",
     "Par", "Avec", "Entre", "Selon", "Chez", "Au", "Aux", "Du", "Des", "Et", "Avant", "Après", "Depuis", "Cette", "Ce",
     "Nous", "Contre", "For", "By", "With", "Between", "On", "At", "To", "From", "Under", "And", "If", "As", "When",
     "While", "Since", "After", "Before", "Both", "Our", "This", "That", "Its", "Also", "Because", "Against"]
)
# fmt: on
_SENTENCE_BEGINS = re.compile(r"(?:^|[.!?:;|•\n\t(\"“„«»–—*-])\s*$")
_ARTICLES = frozenset(["De", "Het", "Een", "Die", "Der", "Das", "Le", "La", "Les", "The", "Bij", "Bei"])
_SMALL = frozenset(["de", "der", "den", "het", "'t", "’t", "la"])
_OF = frozenset(["van", "von", "de", "du", "des", "of"])
_JOINS = frozenset(["&", "en", "et", "und"])
_PARTICLES = re.compile(_PARTICLE.replace(_DER, "der"))
_YEAR = re.compile(r"(?:19|20)\d\d")
# fmt: off
# No name is cut down to such words alone: `Voorbeeld Holding B.V.` stays that where the text calls it `Holding B.V.` later.
_GENERIC = frozenset(
    ["Holding", "Holdings", "Beheer", "Groep", "Group", "Gruppe", "Groupe", "Bank", "Vastgoed", "Beteiligungs",
     "Verwaltungs", "International", "Nederland", "Netherlands", "Deutschland", "France", "Belgium", "Belgique", "Europe",
     "Services", "Participaties", "Investments", "Participations", "Management"]
)
# fmt: on


def find_companies(text: str) -> Iterator[str]:
    """Each mention of a company, in the order of the text.

    Cut off are articles, items of accounts and papers (`Lening`, `Namens`) and words that open a sentence (`Voor`), the latter
    unless the text has the same words within a sentence too, so that they are the name (`In Vivo B.V.`). Where the end of a name
    is named on its own elsewhere in the text, that is the name.
    """
    mentions = [(match[0].split(), _begins_sentence(text, match.start())) for match in _COMPANY.finditer(text)]
    within = {tuple(words) for words, begins in mentions if not begins}
    names = [_own_name(words, opens=begins and tuple(words) not in within) for words, begins in mentions]
    known = {tuple(words) for words in names}
    yield from (" ".join(_as_named_elsewhere(words, known)) for words in names if words)


def _begins_sentence(text: str, start: int) -> bool:
    return _SENTENCE_BEGINS.search(text[max(0, start - 4) : start]) is not None


def _own_name(words: list[str], *, opens: bool) -> list[str]:
    """A name without the words before it; empty where nothing but a legal form is left."""
    words = _without_possessor(words)
    if opens and words[0] in _OPENERS and words[0] not in _ARTICLES and _may_begin(words[1:]):
        words = _without_small(words[1:])
    words = _without_article(_without_items(words))
    return words if len(words) > 1 else []


def _without_possessor(words: list[str]) -> list[str]:
    """A name without what is said of it: the words up to the last particle that follows what a company has or is."""
    for at in range(len(words) - 2, 0, -1):
        if _PARTICLES.fullmatch(words[at]) and _OF_A_COMPANY.fullmatch(words[at - 1]):
            return _without_possessor(words[at + 1 :])
    return words


def _without_items(words: list[str]) -> list[str]:
    """`Lening Voorbeeld B.V.`, `Prêt de Exemple SARL`, `Jaarrekening 2024 Voorbeeld B.V.`: the company is what follows."""
    while True:
        taken = 2 if _ITEM.fullmatch(" ".join(words[:2])) else 1 if _ITEM.fullmatch(words[0]) else 0
        rest = words[taken:]
        if taken and rest and _YEAR.fullmatch(rest[0]):
            rest = rest[1:]
        if taken and rest[:1] and rest[0] in _OF and rest[1:2] and rest[1] not in _SMALL:
            rest = rest[1:]
        if not taken or not _may_begin(rest):
            return words
        words = rest


def _without_article(words: list[str]) -> list[str]:
    opens = words[0] in _ARTICLES and not (words[0] == "De" and words[1:2] and words[1] in _SMALL)
    return _without_small(words[1:]) if opens else words


def _without_small(words: list[str]) -> list[str]:
    """`Bij de Bakker B.V.`: the article goes with the word before it."""
    return _without_small(words[1:]) if words and words[0] in _SMALL else words


def _may_begin(words: Sequence[str]) -> bool:
    """Whether they are a name with its legal form, and not the second half of one (`Loan & Sons Ltd.`, `Dividend Holding B.V.`)."""
    if len(words) < 2 or words[0] in _JOINS or _GENERIC.issuperset(words[:-1]):
        return False
    return not _FORM_ALONE.fullmatch(" ".join(words))


def _as_named_elsewhere(words: list[str], known: Collection[tuple[str, ...]]) -> list[str]:
    """The shortest end of a name that is a name of its own elsewhere; where there is none, the name."""
    for at in range(len(words) - 2, 0, -1):
        cut = tuple(words[at:])
        whole = words[at - 1] not in _JOINS and not _PARTICLES.fullmatch(words[at - 1])
        if whole and cut in known and not _GENERIC.issuperset(cut[:-1]):
            return list(cut)
    return words
