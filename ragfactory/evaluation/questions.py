"""Questions whose answers are known: a file of JSON lines, read and validated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ragfactory.config import explain
from ragfactory.errors import QuestionsError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_HINT = 'a question is a line such as {"id": "q1", "query": "...", "relevant": [{"path": "report.pdf", "page": 3}]}'


@dataclass(frozen=True, slots=True)
class Target:
    """A relevant file, by its path below the folder that was ingested, or one page of it, counted from 1."""

    path: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what answers it.

    Without more, any passage of a relevant file (or page) does. With `passage`, one that holds a sentence of it and one of
    `answers`; with `turns`, one that holds one of these turns of a conversation. `language` is that of the question, where it says.
    """

    id: str
    query: str
    relevant: tuple[Target, ...]
    passage: str | None = None
    answers: tuple[str, ...] = ()
    turns: tuple[str, ...] | None = None
    language: str | None = None

    @property
    def is_answerable(self) -> bool:
        """Whether anything can answer it: a question about turns has at least one."""
        return self.turns is None or bool(self.turns)

    @property
    def total(self) -> int:
        """How many relevant units there are to find. Of turns, one is enough."""
        return 1 if self.turns is not None else len(set(self.relevant))


class _Target(BaseModel):
    model_config = ConfigDict(extra="forbid")

    path: str = Field(min_length=1)
    page: int | None = Field(default=None, ge=1)


class _Line(BaseModel):
    """A line as it is in the file. Keys that mean nothing here are left alone: they may mean something to its owner."""

    id: str | int | None = None
    query: str = Field(pattern=r"\S")
    relevant: list[_Target] = Field(min_length=1)
    passage: str | None = None
    answers: list[str] = []
    turns: list[str] | None = None
    language: str | None = None

    @model_validator(mode="after")
    def _passage_has_answers(self) -> Self:
        if self.passage is not None and not self.answers:
            raise ValueError("a question with a passage needs answers, a list of texts")
        return self

    def question(self, number: int) -> Question:
        return Question(
            id=str(number if self.id is None else self.id),
            query=self.query,
            relevant=tuple(Target(target.path, target.page) for target in self.relevant),
            passage=self.passage,
            answers=tuple(self.answers),
            turns=None if self.turns is None else tuple(self.turns),
            language=self.language,
        )


def read_questions(path: Path) -> list[Question]:
    """The questions of a file, a JSON object a line; one without `id` is called by the number of its line.

    Raises QuestionsError, which names the line and what was expected there.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        hint = "`ragfactory eval FILE --make 50` drafts questions from an index"
        raise QuestionsError(f"{path}: cannot be read: {error.strerror}", hint=hint, path=str(path)) from error
    except UnicodeDecodeError as error:
        raise QuestionsError(f"{path}: UTF-8 expected: {error}", hint="save it as UTF-8", path=str(path)) from error
    # Not splitlines(): that also cuts at characters that may stand inside a JSON text.
    lines = enumerate(text.split("\n"), start=1)
    questions = {number: _parse(path, number, line) for number, line in lines if line.strip()}
    if not questions:
        raise QuestionsError(f"{path}: no question in it", hint=_HINT, path=str(path))
    _refuse_repeated(path, questions.items())
    return list(questions.values())


def _parse(path: Path, number: int, line: str) -> Question:
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _bad_line(path, number, f"not valid JSON: {error}") from error
    if not isinstance(raw, dict):
        raise _bad_line(path, number, f"a JSON object expected, got {line.strip()[:40]}")
    try:
        return _Line.model_validate(raw).question(number)
    except ValidationError as error:
        raise _bad_line(path, number, explain(error)) from error


def _refuse_repeated(path: Path, questions: Iterable[tuple[int, Question]]) -> None:
    seen: dict[str, int] = {}
    for number, question in questions:
        if question.id in seen:
            raise _bad_line(path, number, f"the id {question.id!r} is that of line {seen[question.id]} already")
        seen[question.id] = number


def _bad_line(path: Path, number: int, what: str) -> QuestionsError:
    return QuestionsError(f"{path}: line {number}: {what}", hint=_HINT, path=str(path))
