"""The structural context writer: where a chunk stands in its document, without a model."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from ragfactory.context.periods import document_period, find_periods
from ragfactory.context.text import one_line
from ragfactory.context.units import find_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.chunking.model import Chunk
    from ragfactory.context.periods import Period
    from ragfactory.documents.model import Document

MAX_CHARACTERS = 300

_PATH_CHARACTERS = 180
_NAME_CHARACTERS = 80
_COLUMNS_CHARACTERS = 100
# How far before a table its unit is looked for, and how far into a document the unit of it all, in characters.
_REACH = 400
_SEARCHED = 400_000

_FILE_NAME = re.compile(
    r"\.(?:pdf|docx?|pptx?|xlsx?|od[tps]|indd|html?|md|txt|csv|json)$|^microsoft \w+ - |^\S*_\S*$"
    r"|^(?:untitled|naamloos|unbenannt|sans titre|document)\s?\d*$",
    re.IGNORECASE,
)
_LINK = re.compile(r"(?:https?://|www\.)\S*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Labels:
    table: str
    columns: str
    amounts: str
    in_: str


_LABELS = {
    "nl": _Labels("tabel", "kolommen", "bedragen", "in"),
    "de": _Labels("Tabelle", "Spalten", "Beträge", "in"),
    "fr": _Labels("tableau", "colonnes", "montants", "en"),
    "en": _Labels("table", "columns", "amounts", "in"),
}


@dataclass(frozen=True, slots=True)
class _Facts:
    """What holds for a whole document; None where it does not say, or says more than one thing."""

    title: str | None
    period: Period | None
    unit: str | None
    labels: _Labels


class StructuralWriter:
    """Writes title and heading path, and of a table its caption, unit and columns, and the period of it all.

    `Balans per 31 december 2024 > Activa; bedragen in euro; boekjaar 2024` is such a context. One line of at most 300
    characters, labelled in the document's language (nl, de, fr, else en), without links; only what the document says.
    """

    name = "structural"
    version = "2"

    def write(self, document: Document, chunks: Sequence[Chunk]) -> list[str]:
        """A context for each of the document's `chunks`, in their order; empty where the document has no structure."""
        facts = _read_facts(document)
        tables = [(block.start, block.end) for block in document.tables()]
        return [_context(document, facts, chunk, has_table=_overlaps(chunk, tables)) for chunk in chunks]


def _read_facts(document: Document) -> _Facts:
    named = document.title is not None and not _FILE_NAME.search(document.title)
    units = find_units(document.text[:_SEARCHED])
    return _Facts(
        title=document.title if named else None,
        period=document_period(document),
        unit=units[0] if len(units) == 1 else None,
        labels=_LABELS.get((document.language or "en")[:2], _LABELS["en"]),
    )


def _context(document: Document, facts: _Facts, chunk: Chunk, *, has_table: bool) -> str:
    labels = facts.labels
    path = _path(facts.title, _place(chunk))
    parts = [path]
    if has_table:
        parts += [_caption(labels, chunk, path), _amounts(labels, _unit(document, facts, chunk))]
    parts.append(_period(facts, f"{path}\n{chunk.caption or ''}"))
    if has_table:
        parts.append(_columns(labels, chunk))
    context = ""
    for part in filter(None, parts):
        longer = f"{context}; {part}" if context else part
        if len(longer) <= MAX_CHARACTERS:
            context = longer
    return context


def _place(chunk: Chunk) -> Sequence[str]:
    """The headings over a chunk; of several sections those that all have, and their own names. Too many names are left out."""
    above = _shared(chunk.sections)
    named = ", ".join(dict.fromkeys(_plain(path[-1]) for path in chunk.sections if len(path) > len(above)))
    return (*above, named) if named and len(named) <= _NAME_CHARACTERS else chunk.headings


def _shared(sections: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The headings that all of the sections stand under."""
    levels = zip(*sections, strict=False)
    return tuple(names[0] for names in takewhile(lambda names: len(set(names)) == 1, levels))


def _path(title: str | None, headings: Sequence[str]) -> str:
    """Title and headings, outermost first; of a long path the middle is left out."""
    names = [_cut(_plain(name), _NAME_CHARACTERS) for name in (title or "", *headings)]
    names = [name for i, name in enumerate(names) if name and name.casefold() not in (n.casefold() for n in names[:i])]
    while len(" > ".join(names)) > _PATH_CHARACTERS:
        del names[len(names) // 2]
    return " > ".join(names)


def _caption(labels: _Labels, chunk: Chunk, path: str) -> str:
    caption = _cut(_plain(chunk.caption or ""), _NAME_CHARACTERS)
    return f"{labels.table}: {caption}" if caption and caption.casefold() not in path.casefold() else ""


def _columns(labels: _Labels, chunk: Chunk) -> str:
    named = ", ".join(dict.fromkeys(filter(None, map(_plain, chunk.columns))))
    return f"{labels.columns}: {_cut(named, _COLUMNS_CHARACTERS)}" if named else ""


def _unit(document: Document, facts: _Facts, chunk: Chunk) -> str | None:
    """The unit stated in the table or its headings, else the nearest before it, else the document's; None where two compete."""
    own = find_units("\n".join((*chunk.headings, chunk.caption or "", *chunk.columns, chunk.text)))
    if own:
        return own[0] if len(own) == 1 else None
    before = find_units(document.text[max(0, chunk.start - _REACH) : chunk.start])
    return before[-1] if before else facts.unit


def _amounts(labels: _Labels, unit: str | None) -> str:
    if not unit:
        return ""
    unit = _plain(unit)
    stated = unit.casefold().startswith(("in ", "en ", "x", "×", "€", "$", "£"))
    return f"{labels.amounts} {unit}" if stated else f"{labels.amounts} {labels.in_} {unit}"


def _period(facts: _Facts, place: str) -> str:
    """The document's period, unless the chunk's own headings say it already or name another."""
    period = facts.period
    if period is None or period.text.casefold() in place.casefold():
        return ""
    named = find_periods(place)
    return "" if named and not any(period.years & other.years for other in named) else _plain(period.text)


def _overlaps(chunk: Chunk, tables: Sequence[tuple[int, int]]) -> bool:
    """Whether the chunk holds a part of one of `tables`, which are sorted and apart."""
    after = bisect_left(tables, (chunk.end,))
    return after > 0 and tables[after - 1][1] > chunk.start


def _plain(text: str) -> str:
    return one_line(_LINK.sub("", text))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
