"""Questions drafted by rule from an index's own chunks, for a user who has none: from headings, and from rows of tables.

They are made of the documents' own words, so full text answers them more easily than it answers people. They are a beginning to
edit, and good enough to see whether a change breaks something.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import orjson

from ragfactory.errors import QuestionsError, UsageError
from ragfactory.evaluation.relevance import squash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from ragfactory.store.records import ChunkRecord
    from ragfactory.store.version import Version

Thing = TypeVar("Thing")

_SEED = 2002
_CELL = " | "  # between the cells of a table's row in the text of a chunk
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_HEAD = re.compile(r"[^\W\d_]{3,}|\b(?:19|20)\d\d\b")  # of a column: words or a year, no other figure
_NUMBERING = re.compile(r"^[\d.]+\s+")  # before a heading
_ABOUT = {
    "nl": "Wat staat er over {}?",
    "de": "Was steht über {} geschrieben?",
    "fr": "Que dit le document sur {} ?",
    "en": "What does it say about {}?",
}
_VALUE = {
    "nl": "Wat is {1} van {0}?",
    "de": "Was ist {1} von {0}?",
    "fr": "Quel est {1} de {0} ?",
    "en": "What is {1} of {0}?",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A question and where its answer stands: on a page, or else in a passage that holds a text, the `answer`."""

    query: str
    path: str
    page: int | None
    language: str | None
    passage: str | None = None
    answer: str | None = None

    def line(self, number: int) -> dict[str, Any]:
        """The question as `read_questions` reads it."""
        target = {"path": self.path} | ({"page": self.page} if self.page else {})
        known = {"language": self.language, "passage": self.passage, "answers": self.answer and [self.answer]}
        return {"id": f"draft-{number:04d}", "query": self.query, "relevant": [target]} | {
            key: value for key, value in known.items() if value
        }


def chunks_of(version: Version) -> Iterator[ChunkRecord]:
    """Every chunk that counts in a version and whose document is still there."""
    for segment in version.segments.values():
        for row in np.flatnonzero(segment.live).tolist():
            chunk = segment.chunk(row)
            if (chunk.root, chunk.path) in version.documents:
                yield chunk


def draft(chunks: Sequence[ChunkRecord], count: int) -> list[Draft]:
    """At most `count` questions, spread over the documents. A question that two places would answer is left out."""
    found = [question for questions in drafts_by_rule(chunks) for question in questions]
    return list(islice(spread(found, attrgetter("path")), count))


def drafts_by_rule(chunks: Iterable[ChunkRecord]) -> list[list[Draft]]:
    """The questions that the rules find in each chunk, without those that two places would answer."""
    found = [list(_drafts(chunk)) for chunk in chunks]
    uses = Counter(squash(question.query) for questions in found for question in questions)
    return [[question for question in questions if uses[squash(question.query)] == 1] for questions in found]


def spread(things: Iterable[Thing], document_of: Callable[[Thing], str]) -> Iterator[Thing]:
    """All things in an order in which their documents take turns: of each one, by chance and always the same, then another."""
    by_document: dict[str, list[Thing]] = {}
    for thing in things:
        by_document.setdefault(document_of(thing), []).append(thing)
    rng = random.Random(_SEED)  # noqa: S311 - a sample that is the same every time, nothing secret
    for group in by_document.values():
        rng.shuffle(group)
    while by_document:
        for path in sorted(by_document):
            yield by_document[path].pop()
            if not by_document[path]:
                del by_document[path]


def draft_at(chunk: ChunkRecord, query: str, passage: str, answer: str) -> Draft:
    """A draft whose answer is on the chunk's page or, where there are no pages, in a passage of the chunk that holds a text."""
    if chunk.place.page:
        return Draft(query, chunk.path, chunk.place.page, chunk.language)
    return Draft(query, chunk.path, None, chunk.language, passage, answer)


def refuse_existing(path: Path) -> None:
    """Raise UsageError when the file is there: it may hold questions that somebody wrote."""
    if path.exists():
        raise UsageError(f"{path}: it is there already", hint="name a new file", path=str(path))


def write_drafts(path: Path, drafts: Iterable[Draft]) -> int:
    """Write drafts to a new file, and say how many. Raises UsageError when it is there, QuestionsError when there is no draft."""
    lines = [orjson.dumps(question.line(number)) + b"\n" for number, question in enumerate(drafts, start=1)]
    if not lines:
        raise QuestionsError(
            "no question can be drafted: no heading or row of a table stands in one place only",
            hint="write some by hand, one a line",
        )
    refuse_existing(path)
    try:
        with path.open("xb") as file:
            file.writelines(lines)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}", path=str(path)) from error
    return len(lines)


def _drafts(chunk: ChunkRecord) -> Iterator[Draft]:
    place, language = chunk.place, chunk.language
    heading = _NUMBERING.sub("", place.headings[-1]) if place.headings else ""
    _, _, body = chunk.text.partition("\n")
    if chunk.text.startswith(place.headings[-1:]) and body.strip() and len(_LETTERS.findall(heading)) >= 2:
        about = heading if heading.endswith("?") else _ABOUT.get(language or "", _ABOUT["en"]).format(heading)
        yield draft_at(chunk, about, body.strip().split("\n")[0], heading)
    for row, label, column, value in _cells(chunk.text):
        yield draft_at(chunk, _VALUE.get(language or "", _VALUE["en"]).format(label, column), row, value)


def _cells(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Of each table, cells with their row and the heads of row and column; the first of its lines has the heads of columns."""
    heads: list[str] = []
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.split(_CELL.strip())] if _CELL in line else []
        if not cells:
            heads = []
        elif not heads:
            heads = cells
        elif len(cells) == len(heads) and _LETTERS.search(cells[0]):
            for head, cell in zip(heads[1:], cells[1:], strict=True):
                if _HEAD.search(head) and len(cell) >= 2:
                    yield line, cells[0], head, cell
