"""What a whole document is about: entities, topics, domain, period, language, and how it might best be cut."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ragfactory.context.entities import Entity, find_entities
from ragfactory.context.periods import period_in_short
from ragfactory.context.text import one_line
from ragfactory.documents.features import measure
from ragfactory.documents.model import BlockKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragfactory.context.entities import EntityKind
    from ragfactory.documents.model import Document
    from ragfactory.profiles import StrategyName

VERSION = 3  # raise it when the same document would be said to be about something else

Domain = Literal["finance", "legal", "sales", "coaching", "reviews", "technology", "other"]

MOST_TOPICS = 8
MOST_ENTITIES = 40
MOST_CHARACTERS = 120  # of an entity, topic or period

_SEARCHED = 400_000
_SHARE = 0.5  # of a feature's full strength, from where on it decides the strategy
_LINK = re.compile(r"(?:https?://|www\.)\S*", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{5,}")
_NUMBERING = re.compile(r"^[\dIVX]+(?:\.\d+)*[.)]?\s+")
_CUES: dict[Domain, tuple[str, ...]] = {
    "finance": ("balans", "jaarrekening", "eigen vermogen", "bilanz", "jahresabschluss", "eigenkapital", "bilan",
                "exercice", "capitaux propres", "balance sheet", "income statement", "net income", "omzet", "umsatzerlöse"),
    "legal": ("overeenkomst", "artikel", "partijen", "aansprakelijkheid", "vertrag", "vertragsparteien", "haftung",
              "contrat", "les parties", "responsabilité", "agreement", "liability", "hereinafter", "algemene voorwaarden"),
    "sales": ("offerte", "prijs per", "levertijd", "excl. btw", "angebot", "lieferzeit", "zzgl. mwst", "devis",
              "délai de livraison",
              "hors taxes", "quotation", "unit price", "delivery time", "geldig tot"),
    "coaching": ("coach", "sessie", "actiepunt", "leerdoel", "sitzung", "zielsetzung", "séance", "objectif personnel", "session",
                 "action points", "feedback"),
    "reviews": ("sterren", "beoordeling", "aanrader", "sterne", "bewertung", "étoiles", "avis", "stars", "review", "recommend"),
    "technology": ("software", "server", "database", "api", "configuratie", "konfiguration", "browser", "firmware"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a document is about; empty and None where that is not known. `by` says who found it.

    `strategy` is how it might best be cut, and `type` the document type that a model suggests; no rule here suggests one.
    """

    entities: tuple[Entity, ...] = ()
    topics: tuple[str, ...] = ()
    domain: Domain | None = None
    period: str | None = None
    language: str | None = None
    strategy: StrategyName | None = None
    type: str | None = None
    by: Literal["rule", "model"] = "rule"

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Analysis:
        """Rebuild from what `dataclasses.asdict` or JSON made of one."""
        entities = tuple(Entity(**entity) for entity in raw["entities"])
        return cls(**{**raw, "entities": entities, "topics": tuple(raw["topics"])})

    def named(self, kind: EntityKind) -> tuple[str, ...]:
        """The entities of one kind."""
        return tuple(entity.text for entity in self.entities if entity.kind == kind)

    def summary(self) -> str:
        """The companies, persons, period and topics on one line, for a prompt."""
        named = (*self.named("company")[:3], *self.named("person")[:3])
        return "; ".join(filter(None, (", ".join(named), self.period, ", ".join(self.topics[:5]))))

    def completed_by(self, other: Analysis) -> Analysis:
        """This analysis, with what `other` knows where this one is silent, and the entities that it does not name after its own.

        A model's is completed so by that of the rules. A model that says nothing has not refuted them: of a long document it read
        the outline and the beginning, and they read all of it; and an IBAN whose checksum is right, or a name with its legal form,
        stands there whether it is one of the main ones or not. Where both speak, the model goes first, as it knew what they found.
        """
        own = {(entity.kind, entity.text.casefold()) for entity in self.entities}
        more = tuple(entity for entity in other.entities if (entity.kind, entity.text.casefold()) not in own)
        return Analysis(
            entities=self.entities + more,
            topics=self.topics or other.topics,
            domain=self.domain or other.domain,
            period=self.period or other.period,
            language=self.language or other.language,
            strategy=self.strategy or other.strategy,
            type=self.type or other.type,
            by=self.by,
        )


def analyse(document: Document) -> Analysis:
    """Say by rule what a document is about: from its headings, words and form. Nothing is told that it does not state."""
    text = document.text[:_SEARCHED]
    period = period_in_short(document)
    return Analysis(
        entities=tuple(plain_entities(find_entities(text))),
        topics=_topics(document, text),
        domain=_domain(text),
        period=plain(period) if period else None,
        language=document.language,
        strategy=_strategy(document),
    )


def _topics(document: Document, text: str) -> tuple[str, ...]:
    """The headings of the two upper levels, else the words that come back most."""
    headings = [(b.level or 1, document.text_of(b)) for b in document.blocks if b.kind is BlockKind.HEADING]
    levels = sorted({level for level, _ in headings})[:2]
    named = distinct(_NUMBERING.sub("", heading) for level, heading in headings if level in levels)
    return tuple(named[:MOST_TOPICS]) if len(named) > 1 else _frequent(text, document.language)


def _frequent(text: str, language: str | None) -> tuple[str, ...]:
    """Long words that come back, which in German means nouns."""
    words = Counter(_WORD.findall(text))
    often = [
        word
        for word, count in words.most_common(200)
        if count >= 3 and len(word) >= 7 and (language != "de" or word[0].isupper())
    ]
    return tuple(distinct(often)[:MOST_TOPICS])


def _domain(text: str) -> Domain | None:
    """The domain whose cues are found most; None where that is fewer than three kinds of them, or as many of another."""
    low = text.casefold()
    found_by = {
        domain: sum(re.search(rf"\b{re.escape(cue)}\b", low) is not None for cue in cues)
        for domain, cues in _CUES.items()
    }
    ranked = Counter(found_by).most_common(2)
    (best, found), (_, second) = ranked
    return best if found >= 3 and found > second else None


def _strategy(document: Document) -> StrategyName:
    features = measure(document, [(block, document.text_of(block)) for block in document.blocks])
    paged = (document.page_count or 0) > 1
    by_feature: tuple[tuple[str, StrategyName], ...] = (
        ("code", "code"),
        ("turns", "conversation_turns"),
        ("tables", "page_plus_table_aware" if paged else "table_aware"),
        ("headings", "semantic_sections"),
    )
    strong = (strategy for feature, strategy in by_feature if features[feature].strength >= _SHARE)
    return next(strong, "default")


def plain_entities(entities: Iterable[Entity]) -> list[Entity]:
    """The entities with their names made `plain`, each once; those of whose names nothing is left are dropped."""
    found = (Entity(entity.kind, plain(entity.text)) for entity in entities)
    return list(dict.fromkeys(entity for entity in found if entity.text))


def distinct(texts: Iterable[str]) -> list[str]:
    """The texts on one line each, short, and those that differ in case only once."""
    found: dict[str, str] = {}
    for text in texts:
        if shown := plain(text):
            found.setdefault(shown.casefold(), shown)
    return list(found.values())


def plain(text: str) -> str:
    """The text on one line, short, without links."""
    return one_line(_LINK.sub("", text))[:MOST_CHARACTERS].rstrip()
