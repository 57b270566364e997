"""CSV and TSV: a table, or a record a block where the rows hold running text such as reviews."""

from __future__ import annotations

import csv
import io
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING

from ragfactory.documents.encoding import read_text
from ragfactory.documents.guards import with_text
from ragfactory.documents.model import DocumentBuilder, Table
from ragfactory.documents.records import Record, add_messages, add_record, are_messages
from ragfactory.documents.registry import Parser
from ragfactory.documents.table_headers import is_amount

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ragfactory.documents.model import Document
    from ragfactory.profiles import Parse

_DELIMITERS = ";\t|,"  # of two that fit as well the first is taken: a comma is also a decimal mark
_SAMPLE_CHARACTERS = 64 * 1024
_SAMPLE_ROWS = 1000
_LONG_TEXT = 60  # characters: a column whose median cell is this long holds running text
_MAX_HEAD = 80  # characters in a column head


def parse(path: Path, options: Parse) -> Document:  # noqa: ARG001 - every parser is called alike
    """Read a CSV or TSV file; the delimiter, and whether the first row names the columns, is found out.

    The file is one table. But where the median cell of some column is 60 characters or longer, the rows are records of
    running text: each becomes a paragraph of 'column: value' lines, so that a review is one unit. The messages of a
    conversation become turns. Raises EmptyDocumentError when no cell holds text, DocumentError when the file holds binary
    data.
    """
    text = read_text(path)
    delimiter, text = _delimiter(text)
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(map(str.strip, row))]
    builder = DocumentBuilder("csv")
    if rows:
        _add_rows(builder, rows)
    return with_text(builder.finish(), path)


def _delimiter(text: str) -> tuple[str, str]:
    """The delimiter, and the text without the line 'sep=;' in which some programs name it."""
    first, _, rest = text.partition("\n")
    if first[:4].lower() == "sep=" and len(first.rstrip("\r")) == 5:
        return first[4], rest
    sample = text[:_SAMPLE_CHARACTERS]
    return max(_DELIMITERS, key=lambda delimiter: _regularity(sample, delimiter)), text


def _regularity(sample: str, delimiter: str) -> float:
    """The share of rows that have the most usual number of cells; 0 when that is one."""
    widths = [
        len(row)
        for row in islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), _SAMPLE_ROWS)
        if row
    ]
    if len(sample) == _SAMPLE_CHARACTERS:
        widths = widths[:-1] or widths  # the last row may be cut
    usual = max(set(widths), key=widths.count, default=1)
    return widths.count(usual) / len(widths) if usual > 1 else 0.0


def _add_rows(builder: DocumentBuilder, rows: Sequence[Sequence[str]]) -> None:
    named = _names_columns(rows)
    if named and are_messages(_records(rows[:_SAMPLE_ROWS])) and add_messages(builder, _records(rows)):
        return
    if not _has_running_text(rows[named:]):
        builder.table(Table(tuple(map(tuple, rows)), header_rows=int(named)))
    elif named:
        for record in _records(rows):
            add_record(builder, record)
    else:
        for row in rows:
            builder.paragraph("\n".join(filter(str.strip, row)))


def _records(rows: Sequence[Sequence[str]]) -> list[Record]:
    """The rows under the first one by its names; columns without a name are numbered."""
    width = max(map(len, rows))
    heads = [head.strip() for head in rows[0]] + [""] * (width - len(rows[0]))
    names = [head or str(i) for i, head in enumerate(heads, start=1)]
    return [{name: cell.strip() for name, cell in zip(names, row, strict=False)} for row in rows[1:]]


def _names_columns(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is heads: short, distinct, and without an amount, above at least one row."""
    heads = [cell.strip() for cell in rows[0]]
    filled = [head for head in heads if head]
    return (
        len(rows) > 1
        and 2 * len(filled) > len(heads)
        and len(set(filled)) == len(filled)
        and not any(is_amount(head) or len(head) > _MAX_HEAD for head in filled)
    )


def _has_running_text(rows: Sequence[Sequence[str]]) -> bool:
    sample = rows[:_SAMPLE_ROWS]
    width = max(map(len, sample), default=0)
    columns = ([len(row[i]) for row in sample if i < len(row)] for i in range(width))
    return any(median(lengths) >= _LONG_TEXT for lengths in columns)


PARSER = Parser(name="csv", version="1", extensions=(".csv", ".tsv"), parse=parse)
