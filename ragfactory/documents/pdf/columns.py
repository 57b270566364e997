"""Finds the columns of prose on a page and puts what stands in them in reading order."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from ragfactory.documents.pdf.model import Line, PlacedTable, has_letter

if TYPE_CHECKING:
    from collections.abc import Sequence

Item = Line | PlacedTable

MIN_LINES = 3  # of prose, on either side of a gutter
MIN_WORDS = 3
FILLED = 0.65  # of its column, the share that a middling line of prose takes; labels in a table take less
ALIGNED = 4.0  # points
BAND_GAP = 1.6  # of the type size: white space across the page that parts two bands


def reading_order(items: Sequence[Item]) -> list[list[Item]]:
    """The items in regions, region after region as one reads; within a region from top to bottom.

    Where prose stands in columns, each column is read to its end before the next; what runs across the columns parts those above
    from those below it.
    """
    gutter = _gutter([item for item in items if isinstance(item, Line)])
    if gutter is None:
        return [sorted(items, key=lambda item: (item.top, item.x0))] if items else []
    regions: list[list[Item]] = []
    for in_columns, band in _bands(items, gutter):
        if in_columns:
            regions += reading_order([item for item in band if _center(item) < gutter])
            regions += reading_order([item for item in band if _center(item) >= gutter])
        else:
            regions.append(sorted(band, key=lambda item: (item.top, item.x0)))
    return regions


def _center(item: Item) -> float:
    return (item.x0 + item.x1) / 2


def _is_prose(line: Line) -> bool:
    return len(line.words) >= MIN_WORDS and sum(has_letter(word.text) for word in line.words) * 3 >= len(line.words) * 2


def _gutter(lines: list[Line]) -> float | None:
    """The left edge of the column that has the most lines of prose beside prose, or None where there is but one column."""
    prose = sorted((line for line in lines if _is_prose(line)), key=lambda line: line.x0)
    best, best_pairs = None, MIN_LINES - 1
    for group in _by_left_edge(prose):
        edge = group[0].x0 - 1
        left = [line for line in prose if line.x1 <= edge]
        if len(group) < MIN_LINES or len(left) < MIN_LINES or not (_fills(left, edge) and _fills(group, None)):
            continue
        pairs = sum(any(abs(line.baseline - other.baseline) < line.size for other in left) for line in group)
        if pairs > best_pairs:
            best, best_pairs = edge, pairs
    return best


def _by_left_edge(lines: list[Line]) -> list[list[Line]]:
    groups: list[list[Line]] = []
    for line in lines:
        if groups and line.x0 - groups[-1][0].x0 <= ALIGNED:
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _fills(lines: list[Line], right: float | None) -> bool:
    left = min(line.x0 for line in lines)
    width = (right or max(line.x1 for line in lines)) - left
    return median(line.x1 - line.x0 for line in lines) >= FILLED * width


def _bands(items: Sequence[Item], gutter: float) -> list[tuple[bool, list[Item]]]:
    """Horizontal bands from top to bottom, each with whether it is to be read in columns."""
    bands: list[tuple[bool | None, list[Item]]] = []
    for strip in _strips(items, gutter):
        kind = _in_columns(strip, gutter)
        if bands and (kind is None or bands[-1][0] is None or kind == bands[-1][0]):
            before = bands.pop()
            bands.append((before[0] if kind is None else kind, before[1] + strip))
        else:
            bands.append((kind, strip))
    return [(bool(kind), band) for kind, band in bands]


def _strips(items: Sequence[Item], gutter: float) -> list[list[Item]]:
    """Cut at white space across the page, and around everything that runs across the gutter."""
    strips: list[list[Item]] = []
    bottom, crossed = 0.0, False
    for item in sorted(items, key=lambda item: item.top):
        crosses = item.x0 < gutter - 1 and item.x1 > gutter + 1
        gap = BAND_GAP * item.size if isinstance(item, Line) else ALIGNED
        if strips and crosses == crossed and item.top - bottom < gap:
            strips[-1].append(item)
        else:
            strips.append([item])
        bottom, crossed = max(bottom, item.bottom), crosses
    return strips


def _in_columns(strip: list[Item], gutter: float) -> bool | None:
    """None where only one side holds anything: then it goes with the band it touches."""
    if any(item.x0 < gutter - 1 and item.x1 > gutter + 1 for item in strip):
        return False
    left = [item for item in strip if _center(item) < gutter]
    right = [item for item in strip if _center(item) >= gutter]
    if not left or not right:
        return None
    return _is_running_text(left, gutter) or _is_running_text(right, None)


def _is_running_text(items: list[Item], right: float | None) -> bool:
    prose = [item for item in items if isinstance(item, Line) and _is_prose(item)]
    return len(prose) >= 2 and _fills(prose, right)
