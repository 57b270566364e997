"""What the form of a document shows, words apart: turns, tables, ratings, slides, headings, code, shortness, posts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.documents.model import BlockKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ragfactory.documents.model import Block, Document, Table

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"(?<!\w)\d[\d.,]*(?!\w)")
_STARS = r"(?:[★⭐🌟☆✩]\ufe0f?\s?){1,5}"
_OUT_OF_FIVE = r"(?<![\d/.,-])[1-5](?:[.,]\d)?\s?(?:/|van(?: de)?|von|sur|out of)\s?5(?![\d/-])"
_COUNTED_STARS = r"\b[1-5](?:[.,]\d)?[ -](?:sterren|ster|sterne|stern|étoiles?|stars?)\b"
_LABELLED = (
    r"\b(?:rating|star ?rating|score|beoordeling|waardering|bewertung|stars)\W{1,4}(?:[1-5]|one|two|three|four|five)\b"
)
_RATING = re.compile(f"{_STARS}|{_OUT_OF_FIVE}|{_COUNTED_STARS}|{_LABELLED}", re.IGNORECASE)
_RATING_COLUMN = re.compile(
    r"\b(?:stars?|star ?rating|rating|score|sterren|sterne|étoiles|beoordeling|waardering|bewertung|note)\b",
    re.IGNORECASE,
)
_RATING_CELL = re.compile(r"(?:10|\d)(?:[.,]\d)?")
_TAG = re.compile(r"(?<![\w&/#@])[#@][^\W\d_]\w{2,}")

# A feature is at full strength from these marks on.
_TABLE_SHARE = 0.4  # of the characters
_NUMBER_SHARE = 0.2  # of the words
_TURN_SHARE = 0.5  # of the characters
_CODE_SHARE = 0.7  # of the characters
_HEADINGS = 5
_TAGS = 3
_WORDS_PER_RATING = 120
_WORDS_PER_TAG = 60
# ... and these fade from full strength at the first mark to none at the second.
_SLIDE_CHARACTERS = (600, 1400)  # on the average page
_SHORT_WORDS = (250, 900)
_WORDS_PER_HEADING = (1000, 3000)

# Of a longer table the first rows tell enough.
_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Feature:
    """How strongly a document shows one feature (0..1), and what was seen, for people."""

    strength: float
    note: str


def measure(document: Document, sample: Sequence[tuple[Block, str]]) -> dict[str, Feature]:
    """Every feature a profile can name in `recognise.structure`, from the blocks in `sample`, each with its text."""
    blocks = [block for block, _ in sample]
    texts = {kind: "\n".join(text for block, text in sample if block.kind is kind) for kind in BlockKind}
    shown = sum(len(text) for text in texts.values())
    words = sum(_count(_WORD, text) for text in texts.values())
    prose = "\n".join(text for kind, text in texts.items() if kind not in {BlockKind.CODE, BlockKind.TABLE})
    return {
        "turns": _turns(blocks, _share(len(texts[BlockKind.TURN]), shown)),
        "tables": _tables(texts, blocks, shown, words),
        "ratings": _ratings(prose, blocks, words),
        "slides": _slides(document),
        "headings": _headings(blocks, words),
        "code": _code(_share(len(texts[BlockKind.CODE]), shown)),
        "short": Feature(_fade(words, *_SHORT_WORDS), f"{words} words long"),
        "posts": _posts(prose, words),
    }


def _turns(blocks: Sequence[Block], share: float) -> Feature:
    turns = [block for block in blocks if block.kind is BlockKind.TURN]
    speakers = {block.speaker for block in turns if block.speaker}
    strength = min(1.0, share / _TURN_SHARE) * min(1.0, len(turns) / 4)
    return Feature(strength, f"turns: {len(turns)} by {len(speakers)} speakers")


def _tables(texts: Mapping[BlockKind, str], blocks: Sequence[Block], shown: int, words: int) -> Feature:
    """Tables by the room they take; figures among the words stand in for the tables that a parser did not find."""
    tables = sum(1 for block in blocks if block.kind is BlockKind.TABLE)
    numbers = sum(_count(_NUMBER, text) for kind, text in texts.items() if kind is not BlockKind.CODE)
    area = _share(len(texts[BlockKind.TABLE]), shown)
    density = _share(numbers, words)
    strength = min(1.0, max(area / _TABLE_SHARE, density / _NUMBER_SHARE))
    return Feature(strength, f"tables: {tables}, {density:.0%} of the words are numbers")


def _ratings(prose: str, blocks: Sequence[Block], words: int) -> Feature:
    ratings = _count(_RATING, prose) + sum(_rated_rows(block.table) for block in blocks if block.table)
    strength = min(1.0, _share(ratings * _WORDS_PER_RATING, words)) * min(1.0, ratings / 3)
    return Feature(strength, f"ratings: {ratings}")


def _rated_rows(table: Table) -> int:
    """How many rows of the table give a rating, by stars or in a column headed as one."""
    body = table.rows[table.header_rows :][:_ROWS]
    for i, head in enumerate(table.columns):
        # Every cell, since the notes of a balance sheet have a column of small numbers with gaps.
        if _RATING_COLUMN.search(head.replace("_", " ")) and all(_RATING_CELL.fullmatch(row[i]) for row in body):
            return len(body)
    return sum(any(_RATING.fullmatch(cell) for cell in row) for row in body)


def _slides(document: Document) -> Feature:
    pages = document.page_count or 0
    average = len(document.text) // max(pages, 1)
    strength = _fade(average, *_SLIDE_CHARACTERS) if pages >= 4 else 0.0
    return Feature(strength, f"short pages: {average} characters on average over {pages} pages")


def _headings(blocks: Sequence[Block], words: int) -> Feature:
    headings = sum(1 for block in blocks if block.kind is BlockKind.HEADING)
    strength = min(1.0, headings / _HEADINGS) * _fade(words / max(headings, 1), *_WORDS_PER_HEADING)
    return Feature(strength, f"headings: {headings}")


def _code(share: float) -> Feature:
    return Feature(min(1.0, share / _CODE_SHARE), f"code: {share:.0%} of the text")


def _posts(prose: str, words: int) -> Feature:
    tags = _count(_TAG, prose)
    strength = min(1.0, _share(tags * _WORDS_PER_TAG, words)) * min(1.0, tags / _TAGS)
    return Feature(strength, f"hashtags and mentions: {tags}")


def _count(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _fade(value: float, full: float, none: float) -> float:
    """1 up to `full`, 0 from `none` on, a straight line in between."""
    return min(1.0, max(0.0, (none - value) / (none - full)))
