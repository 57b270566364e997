"""Drops what is printed on every page: running headers, footers and page numbers."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING

from ragfactory.documents.pdf.model import Line, has_letter
from ragfactory.documents.pdf.rows import group_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ragfactory.documents.pdf.model import RawPage

ZONE = 0.12  # of the page's height, at the top and at the bottom
SHARE = 0.4  # of the pages: left and right pages may each have their own
ENOUGH = 8  # pages, in a long document: its chapters may each have their own
PLACE = 4.0  # points
LARGER = 1.15  # times the page's middling size
NUMBERS = 6  # in one line that may be the page's

_NUMBER = re.compile(r"\d{1,9}")
_ROMAN = r"[ivxlc]{1,7}"
_PAGE_WORD = r"(?:pagina|page|seite|blad(?:zijde)?|blz\.?|pag\.?|p\.|s\.)"
_PAGE_OF = re.compile(
    rf"{_PAGE_WORD}\s*(?:\d+|{_ROMAN})(?:\s*(?:van|of|von|de|sur|/)\s*\d+)?"
    r"|\d+\s*(?:van|of|von|sur)\s*\d+|[-–—]\s?\d{1,4}\s?[-–—]",
    re.IGNORECASE,
)
_ROMAN_NUMBER = re.compile(rf"[-–—\s]*{_ROMAN}[-–—\s]*")
_BARE_NUMBER = re.compile(rf"[-–—|\[\s]*(?:\d{{1,4}}|{_ROMAN})(?:\s*/\s*\d{{1,4}})?[-–—|\]\s]*", re.IGNORECASE)

Place = tuple[str, str, int]
Candidate = tuple[Line, frozenset[Place]]


def drop_furniture(pages: Sequence[RawPage]) -> list[RawPage]:
    """The pages without the rows that stand at one place at the top or bottom of many pages.

    Their texts are the same, or differ in one number that counts along with the pages. Pages that are all alike are left alone.
    """
    candidates = [[(line, frozenset(places)) for line, places in _places(page)] for page in pages]
    counts = Counter(place for found in candidates for place in frozenset().union(*(places for _, places in found)))
    needed = max(2, min(len(pages), 3), min(round(SHARE * len(pages)), ENOUGH))
    repeated = {
        place for place, count in counts.items() if count >= (max(needed, 3) if place[1] == "outer" else needed)
    }
    bare = [_without(page, found, repeated) for page, found in zip(pages, candidates, strict=True)]
    return bare if any(page.lines for page in bare) else list(pages)


def _places(page: RawPage) -> Iterator[tuple[Line, list[Place]]]:
    """The lines that may be furniture, each with its texts at its distances from the nearer edge.

    On pages of floating height the first and last row count wherever they stand. Large type is a title: "Deel 2" on page 2.
    """
    if not page.lines:
        return
    usual = median(line.size for line in page.lines)
    first, last = min(line.baseline for line in page.lines), max(line.baseline for line in page.lines)
    for line in page.lines:
        steps = [("outer", edge) for edge, baseline in enumerate((first, last)) if line.baseline == baseline]
        if line.bottom < ZONE * page.height:
            steps += _steps("top", line.baseline)
        elif line.top > (1 - ZONE) * page.height:
            steps += _steps("bottom", page.height - line.baseline)
        if steps:
            texts = _texts(line.text, page.number) if line.size <= LARGER * usual else [line.text]
            yield line, [(text, *step) for text in texts for step in steps]


def _steps(edge: str, distance: float) -> list[tuple[str, int]]:
    """The distance rounded in two overlapping ways, so that no boundary parts equals."""
    return [(edge, 2 * round(distance / PLACE)), (edge, 2 * int(distance // PLACE) + 1)]


def _texts(text: str, page: int) -> set[str]:
    """The text as it stands, and with each number in turn as its distance from the page's own; Roman page numbers are all one."""
    texts = {"i"} if _ROMAN_NUMBER.fullmatch(text) else {text}
    for match in islice(_NUMBER.finditer(text), NUMBERS):
        texts.add(f"{text[: match.start()]}#{int(match[0]) - page}{text[match.end() :]}")
    return texts


def _without(page: RawPage, candidates: list[Candidate], repeated: set[Place]) -> RawPage:
    places = {id(line): found for line, found in candidates}
    drop: set[int] = set()
    for row in group_rows(line for line, _ in candidates):
        if _is_furniture(row, [places[id(line)] for line in row], repeated):
            drop.update(map(id, row))
    return replace(page, lines=tuple(line for line in page.lines if id(line) not in drop)) if drop else page


def _is_furniture(row: list[Line], places: list[frozenset[Place]], repeated: set[Place]) -> bool:
    """A whole row or nothing: a small number in a table row can stand at one place on every page too."""
    pages = [bool(_PAGE_OF.fullmatch(line.text)) for line in row]
    if not all(of or not repeated.isdisjoint(found) for of, found in zip(pages, places, strict=True)):
        return False
    numbers = sum(bool(_BARE_NUMBER.fullmatch(line.text)) for line in row)
    numbered = any(pages) or numbers == 1
    # Three parts or more at the top, and no page number: the head of a table that runs over the pages.
    table_head = len(row) >= 3 and not any(edge == "bottom" for found in places for _, edge, _ in found)
    return numbered or (not table_head and any(has_letter(line.text) for line in row))
