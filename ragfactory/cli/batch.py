"""Many queries in one go: from a file or standard input, to one result."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ragfactory.cli.bar import counting_bar
from ragfactory.cli.result import CommandResult
from ragfactory.cli.text import on_one_line
from ragfactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.retrieval.queries import Query


def read(file: Path) -> list[Query]:
    """The queries of a file; `-` is standard input. Raises UsageError."""
    from ragfactory.retrieval.queries import parse_queries

    if str(file) == "-":
        return parse_queries(sys.stdin.buffer.read(), "standard input")
    try:
        return parse_queries(file.read_bytes(), str(file))
    except OSError as error:
        raise UsageError(
            f"{file}: cannot be read: {error.strerror}", hint="a file with a query a line expected", path=str(file)
        ) from error


def all_of(
    queries: Sequence[Query], result_of: Callable[[str], CommandResult], extra: dict[str, Any], output: Output
) -> CommandResult:
    """The results of all queries as one: each with its id in the data, one after the other for people."""
    results = []
    with counting_bar(output, "queries", len(queries)) as advance:
        for query in queries:
            results.append(result_of(query.text))
            advance()

    def render(console: Console) -> None:
        from rich.text import Text

        for query, result in zip(queries, results, strict=True):
            console.print(Text.assemble((f"[{on_one_line(query.id)}] ", "cyan"), (on_one_line(query.text), "bold")))
            result.render(console)

    found = [{"id": query.id, **result.data} for query, result in zip(queries, results, strict=True)]
    notes = dict.fromkeys(note for result in results for note in result.warnings)
    return CommandResult(data={"results": found, **extra}, render=render, warnings=tuple(notes))
