"""Puts the parts that stand on one baseline together into a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.documents.pdf.model import Line

if TYPE_CHECKING:
    from collections.abc import Iterable

# A raised footnote mark still belongs to its row; the next row is at least a whole size away.
SAME_BASELINE = 0.4


def group_rows(lines: Iterable[Line]) -> list[list[Line]]:
    """The lines on each baseline, from top to bottom."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.baseline):
        if rows and line.baseline - rows[-1][0].baseline <= SAME_BASELINE * max(line.size, rows[-1][0].size):
            rows[-1].append(line)
        else:
            rows.append([line])
    return rows


def merge_rows(lines: Iterable[Line]) -> list[Line]:
    """Rows from top to bottom, each one line with all its words from left to right."""
    return [_merge(row) for row in group_rows(lines)]


def _merge(parts: list[Line]) -> Line:
    if len(parts) == 1:
        return parts[0]
    words = sorted((word for part in parts for word in part.words), key=lambda word: word.x0)
    return Line.of(tuple(words), max(parts, key=lambda part: len(part.words)).baseline)
