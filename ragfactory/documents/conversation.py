"""Finds the turns of a conversation in lines of text: chat exports, transcripts, minutes as 'Speaker: text'."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ragfactory.documents.model import BlockKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ragfactory.documents.model import Document

_DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"
_TIME = r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?(?:\s?[AaPp]\.?[Mm]\.?)?"
# A time, with or without its date, in brackets or before a space or dash; WhatsApp puts a direction mark around it.
_STAMP = re.compile(
    rf"\s*[\u200e\u200f]?(?:[\[(](?:{_DATE},?\s+)?{_TIME}[\])]\s*(?:-\s)?|(?:{_DATE},?\s+)?{_TIME}\s+(?:-\s)?)[\u200e\u200f]?"
)
# A name or role before a colon, perhaps in bold; a time or an office in brackets may follow the name.
_LABEL = re.compile(
    r"\s*[*_]{0,2}(?P<speaker>[+\w][\w.'’/&+ -]{0,39}?)\s*"
    rf"(?:\[{_TIME}\]|\((?:[^()]|\([^()]*\)){{1,90}}\))?[*_]{{0,2}}:(?:[*_]{{0,2}}\s|[*_]{{0,2}}$)"
)
# Labels that head a field of a letter, a form, a list of reviews or a log, not what somebody says.
_FIELD_WORDS = """
aan adres an auteur author autor bedrag beoordeling bestand betreff betreft bewertung bijlage bron bronnen btw cc code
comment date datum description e-mail email from functie gegenereerd http https iban id kenmerk kvk land let link naam
name nota note nummer objet omschrijving onderwerp opmerking organisatie periode plaats postcode price prijs product
productnaam project quelle rating ref referentie review score source stars status sterren subject tekst tel tel.
telefoon text thema tip titel title titre to totaal total type url van versie version von voorbeeld vorm website
"""
_LOG_LEVELS = frozenset(("critical", "debug", "error", "fatal", "info", "warn", "warning"))
_FIELDS = _LOG_LEVELS.union(_FIELD_WORDS.split())


@dataclass(frozen=True, slots=True)
class Turn:
    """The lines `lines[first:last]`; `speaker` is None for a line the chat program wrote itself."""

    speaker: str | None
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Opening:
    line: int
    speaker: str | None
    stamped: bool


def find_turns(lines: Sequence[str]) -> tuple[Turn, ...]:
    """The turns that make up `lines`, in order; empty when the lines are not evidently a conversation.

    Evident is: two or more speakers come back, they open most of the lines or of the paragraphs, and little stands
    before them. Lines before the first turn belong to none; a line that opens no turn belongs to the one before it.
    """
    openings = list(_openings(lines))
    stamped = [opening for opening in openings if opening.stamped]
    timed = 2 * len(stamped) > len(openings)
    openings = stamped if timed else [opening for opening in openings if opening.speaker]
    times = Counter(opening.speaker for opening in openings if opening.speaker)
    speakers = {speaker for speaker, n in times.items() if n > 1}
    if len(speakers) < 2:
        return ()
    sure = [opening for opening in openings if timed or opening.speaker in speakers]
    units = _units(lines, {opening.line for opening in sure})
    if not units:
        return ()
    all_labelled = [opening for opening in openings if opening.line in units]
    if len(all_labelled) < 0.9 * len(
        units
    ):  # in turns of several lines 'My advice: ...' goes on with the turn it is in
        all_labelled = sure
    ends = [opening.line for opening in all_labelled[1:]] + [len(lines)]
    return tuple(Turn(opening.speaker, opening.line, end) for opening, end in zip(all_labelled, ends, strict=True))


def _units(lines: Sequence[str], opening: set[int]) -> set[int]:
    """Where a turn may begin, if those lines open the turns of a conversation: at paragraphs, or at any line; else nowhere."""
    filled = {i for i, line in enumerate(lines) if line.strip()}
    paragraphs = {i for i in filled if i == 0 or not lines[i - 1].strip()}
    if sum(i < min(opening) for i in filled) > 0.25 * len(filled):
        return set()
    of_lines, of_paragraphs = len(opening) / len(filled), len(opening & paragraphs) / len(paragraphs)
    if of_paragraphs >= 0.5 and len(opening & paragraphs) >= 0.9 * len(opening):
        return paragraphs
    wrapped = of_lines >= 0.2 and of_paragraphs >= 0.8 and len(opening) >= 6
    return filled if of_lines >= 0.5 or wrapped else set()


def _openings(lines: Sequence[str]) -> Iterator[_Opening]:
    for i, line in enumerate(lines):
        head = line[:200]
        stamp = _STAMP.match(head)
        label = _LABEL.match(head, stamp.end() if stamp else 0)
        speaker = " ".join(label["speaker"].split()) if label else None
        if speaker is not None and _is_field(speaker, _LOG_LEVELS if stamp else _FIELDS):
            continue
        if speaker is not None or (stamp and stamp.end() < len(line.rstrip())):
            yield _Opening(i, speaker, stamped=stamp is not None)


def _is_field(label: str, fields: frozenset[str]) -> bool:
    return label.lower() in fields or label.rpartition(".")[2].lower() in fields or len(label.split()) > 5


def label_turns(document: Document) -> Document:
    """The document with its paragraphs as turns where they evidently are a conversation, a paragraph or more a turn."""
    at = [i for i, block in enumerate(document.blocks) if block.kind is BlockKind.PARAGRAPH]
    turns = find_turns([document.text_of(document.blocks[i]) for i in at])
    if not turns:
        return document
    blocks = list(document.blocks)
    for turn in turns:
        for i in at[turn.first : turn.last]:
            blocks[i] = replace(blocks[i], kind=BlockKind.TURN, speaker=turn.speaker)
    return replace(document, blocks=tuple(blocks))
