"""Questions drafted by rule from an index's own chunks, for a user who has none: about headings, and for amounts in tables.

They are made of the documents' own words, so full text answers them more easily than it answers people. They are a beginning to
edit, and good enough to see whether a change breaks something.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import orjson

from ragfactory.errors import QuestionsError, UsageError
from ragfactory.evaluation.relevance import squash
from ragfactory.evaluation.rules import heading_question, row_questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from ragfactory.store.records import ChunkRecord
    from ragfactory.store.version import Version

Thing = TypeVar("Thing")

_SEED = 2002


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
            "no question can be drafted: no heading or amount of a year stands in one place only",
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
    heading = chunk.place.headings[-1] if chunk.place.headings else ""
    _, _, body = chunk.text.partition("\n")
    about = heading_question(heading, chunk.language)
    if about and chunk.text.startswith(heading) and body.strip():
        yield draft_at(chunk, about, body.strip().split("\n")[0], heading)
    for query, row, amount in row_questions(chunk.text, chunk.context, chunk.language):
        yield draft_at(chunk, query, row, amount)
