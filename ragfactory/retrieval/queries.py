"""Queries by the file: one a line, as they are or as JSON objects with an `id` and a `query`."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from pydantic import BaseModel, ValidationError

from ragfactory.config import explain
from ragfactory.documents.cleaning import clean
from ragfactory.errors import UsageError

_HINT = 'a line is a query as it is, or {"id": "q1", "query": "..."}'


@dataclass(frozen=True, slots=True)
class Query:
    """A query, and what its answer is told apart by."""

    id: str
    text: str


class _Line(BaseModel):
    """A line of JSON. Keys that mean nothing here are left alone: a file of `eval` can be asked too."""

    id: str | int | None = None
    query: str


def parse_queries(data: bytes, source: str) -> list[Query]:
    """The queries in the bytes of a file called `source`, UTF-8; one without an id is called by the number of its line.

    A line that begins with `{` is JSON; blank lines are left out. Raises UsageError, which names the line and what was expected.
    """
    queries: dict[str, tuple[int, Query]] = {}
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not raw.strip():
            continue
        query = _parse(raw.strip(), source, number)
        if query.id in queries:
            before, _ = queries[query.id]
            raise _bad_line(source, number, f"the id {query.id!r} is that of line {before} already")
        queries[query.id] = number, query
    if not queries:
        raise UsageError(f"{source}: no query in it", hint=_HINT)
    return [query for _, query in queries.values()]


def _parse(raw: bytes, source: str, number: int) -> Query:
    try:
        text = raw.decode()
        line = _Line.model_validate(orjson.loads(raw)) if text.startswith("{") else _Line(query=text)
    except UnicodeDecodeError as error:
        raise _bad_line(source, number, "UTF-8 expected") from error
    except orjson.JSONDecodeError as error:
        raise _bad_line(source, number, f"not valid JSON: {error}") from error
    except ValidationError as error:
        raise _bad_line(source, number, explain(error)) from error
    if not clean(line.query).strip():
        raise _bad_line(source, number, "query: some words expected, got none")
    return Query(str(number if line.id is None else line.id), line.query)


def _bad_line(source: str, number: int, what: str) -> UsageError:
    return UsageError(f"{source}: line {number}: {what}", hint=_HINT, path=source)
