"""JSON and JSON Lines: records, conversations, and objects as headings with 'name: value' lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ragfactory.documents.encoding import read_text
from ragfactory.documents.guards import with_text
from ragfactory.documents.model import DocumentBuilder
from ragfactory.documents.records import Record, add_messages, add_record, are_messages, are_records, scalar_text
from ragfactory.documents.registry import Parser
from ragfactory.errors import DocumentError

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.documents.model import Document
    from ragfactory.profiles import Parse

_MAX_LEVEL = 6  # objects nested deeper are written as lines, their names joined by dots
_LINES_SUFFIXES = (".jsonl", ".ndjson")


def parse(path: Path, options: Parse) -> Document:  # noqa: ARG001 - every parser is called alike
    """Read a JSON file, or one with a JSON value a line.

    A line of JSON Lines that is not JSON is left out with a warning. Raises DocumentError, with line and column, when the file
    is not JSON or no line is; EmptyDocumentError when it holds no values.
    """
    text = read_text(path)
    builder = DocumentBuilder("json")
    value = _load_lines(text, path, builder) if path.suffix.lower() in _LINES_SUFFIXES else _load(text, path, builder)
    if isinstance(value, dict):
        builder.title = next(
            (v for k, v in value.items() if k.lower() in ("title", "titel", "titre") and isinstance(v, str)), None
        )
    _add(builder, value, level=1)
    return with_text(builder.finish(), path)


def _load(text: str, path: Path, builder: DocumentBuilder) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if _first_line_is_object(text):
            return _load_lines(text, path, builder)
        raise DocumentError(
            f"not valid JSON: {error.msg}, line {error.lineno} column {error.colno}", path=str(path)
        ) from error


def _first_line_is_object(text: str) -> bool:
    first, _, rest = text.strip().partition("\n")
    try:
        return bool(rest) and isinstance(orjson.loads(first), dict)
    except orjson.JSONDecodeError:
        return False


def _load_lines(text: str, path: Path, builder: DocumentBuilder) -> list[Any]:
    values, bad = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            bad.append(f"line {number} is not valid JSON: {error.msg}, column {error.colno}")
    if not values:
        raise DocumentError(f"not one line is valid JSON; {bad[0]}", path=str(path))
    builder.warnings += bad[:10]
    if len(bad) > 10:
        builder.warnings.append(f"{len(bad) - 10} more lines are not valid JSON")
    return values


def _add(builder: DocumentBuilder, value: Any, level: int) -> None:
    if level > _MAX_LEVEL:
        add_record(builder, {"value": value})
    elif isinstance(value, dict):
        _add_object(builder, value, level)
    elif are_records(value):
        _add_objects(builder, value, level)
    elif isinstance(value, list):
        _add_list(builder, value, level)
    else:
        builder.paragraph(scalar_text(value))


def _add_object(builder: DocumentBuilder, record: Record, level: int) -> None:
    """Add the values of an object as lines, then each that is nested in it under a heading."""
    nested = {key: value for key, value in record.items() if isinstance(value, dict) or are_records(value)}
    add_record(builder, {key: value for key, value in record.items() if key not in nested})
    for key, value in nested.items():
        builder.heading(key, level)
        _add(builder, value, level + 1)


def _add_objects(builder: DocumentBuilder, records: list[Record], level: int) -> None:
    """Add records, one block each; one that holds a conversation gives its other values first and then the turns."""
    if add_messages(builder, records):
        return
    for record in records:
        chats = [key for key, value in record.items() if are_records(value) and are_messages(value)]
        add_record(builder, {key: value for key, value in record.items() if key not in chats})
        for key in chats:
            _add(builder, record[key], level + 1)


def _add_list(builder: DocumentBuilder, values: list[Any], level: int) -> None:
    """Add an array that is not all objects: lines of one list for its plain values, blocks for the others."""
    builder.list_items([f"- {scalar_text(value)}" for value in values if not isinstance(value, dict | list)])
    for value in values:
        if isinstance(value, dict | list):
            _add(builder, value, level + 1)


PARSER = Parser(name="json", version="1", extensions=(".json", ".jsonl", ".ndjson"), parse=parse)
