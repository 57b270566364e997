"""A passage read as what it states: its sentences and the rows of its tables, each with what it stands under."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from ragfactory.chunking.boundaries import sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_CELL = "|"
_QUESTION = re.compile(r"\?[\"'»”’)\]]*$")
_NO_HEADING = re.compile(r"\w[.!;,…][\"'»”’)\]]*$|[:=@€$£%]|\d[.,]?\d\d|^[-*•–]")
_TAGS = re.compile(r"#\w+(?:\s+#\w+)*")
_NUMBERING = re.compile(r"^(?:\d+\.)*\d*[.)]?\s+")
_PERIOD = re.compile(r"\b(?:\d{1,2}[-/.]\d{1,2}[-/.])?(?:19|20)\d\d\b")
_LETTER = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")
_LEADERS = re.compile(r"(?:[.…·]\s?){4,}[\s|]*(?:\d{1,4}|[ivxlc]{1,6})$")
_ENTRY = re.compile(r"(?=.*[^\W\d_]{3})[^|:=@€$£%]*[^\W_:=€$£%][)\]\"'’”]?\s+(\d{1,3})")  # of contents without leaders
_UNITS = re.compile(r"(?:[€$£%]\s+)+[€$£%]$")  # what is left of the heads of columns
_MOST_WORDS = 12  # of a heading
_FEWEST_ENTRIES = 3  # of a table of contents without leaders


@dataclass(frozen=True, slots=True)
class Statement:
    """Something that a passage states. `text` says it by itself, and `quote` is how it stands in the passage; `heading` is the last
    one before it, and `question` what the passage asked right before it.
    """

    text: str
    quote: str
    heading: str = ""
    question: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    paragraph: int
    is_alone: bool

    @property
    def kind(self) -> str:
        return "row" if _CELL in self.text else "text"


def statements(passage: str, headings: Sequence[str] = ()) -> Iterator[Statement]:
    """What `passage` states, in its order.

    A heading is none: it is one of `headings`, or a short line by itself that ends in no stop. Nor is an entry of a table of
    contents, nor what is left of the heads of columns where a table was not kept as one. A question is none either: it is what the
    sentence after it is about. The row of a table is read with the heads of its columns, and left out where they are not known.
    """
    heading, asked = "", ""
    for (_, kind), lines in groupby(_lines(passage), key=lambda line: (line.paragraph, line.kind)):
        if kind == "row":
            asked = ""
            for row in _rows([line.text for line in lines]):
                yield replace(row, heading=heading)
            continue
        for line in lines:
            if _is_heading(line, headings):
                heading = line.text
                asked = line.text if _QUESTION.search(line.text) else ""
                continue
            for start, end in sentences(line.text, 0, len(line.text)):
                sentence = line.text[start:end].strip()
                if _QUESTION.search(sentence):
                    asked = f"{asked}\n{sentence}".strip()
                elif sentence:
                    yield Statement(sentence, sentence, heading, asked)
                    asked = ""


def tables(lines: Iterable[str]) -> Iterator[tuple[list[str], list[tuple[str, list[str]]]]]:
    """The tables among the lines of a text: the heads of the columns, empty where they are not known, and the rows under them, each
    as it stands and by its cells. Where columns are years or dates, a row of nothing else begins another table.
    """
    heads: list[str] = []
    rows: list[tuple[str, list[str]]] = []
    begins = True
    for line in lines:
        cells = [cell.strip() for cell in line.split(_CELL)] if _CELL in line else []
        is_head = begins and not any(map(_is_figure, cells[1:]))
        if not cells or is_head or (_is_periods(heads[1:]) and _is_periods(cells[1:])):
            if rows:
                yield heads, rows
            heads, rows = cells, []
        elif heads and not rows and not cells[0] and len(cells) == len(heads):  # units under the heads
            heads = [f"{head} {more}".strip() for head, more in zip(heads, cells, strict=True)]
        else:
            rows.append((line, cells))
        begins = not cells
    if rows:
        yield heads, rows


def _lines(passage: str) -> Iterator[_Line]:
    lines = ["", *(line.strip() for line in passage.split("\n")), ""]
    passed_over = _contents([line for line in lines if line])
    paragraph = 0
    for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
        paragraph += not before
        if line and line not in passed_over and not _UNITS.search(line):
            yield _Line(line, paragraph, not before and not after)


def _contents(lines: Iterable[str]) -> set[str]:
    """The entries of tables of contents: with leaders, or three in a row or more that end in numbers of pages, which never fall."""
    entries: set[str] = set()
    run: list[tuple[int, str]] = []
    for line in (*lines, ""):
        if _LEADERS.search(line):
            entries.add(line)
        entry = _ENTRY.fullmatch(line)
        page = int(entry[1]) if entry else 0
        if run and (not entry or page < run[-1][0]):
            if len(run) >= _FEWEST_ENTRIES and run[0][0] < run[-1][0]:
                entries.update(each for _, each in run)
            run = []
        if entry:
            run.append((page, line))
    return entries


def _is_heading(line: _Line, headings: Sequence[str]) -> bool:
    if line.text in headings:
        return True
    words = _PERIOD.sub("", _NUMBERING.sub("", line.text))
    is_short = len(words.split()) <= _MOST_WORDS
    return (line.is_alone and is_short and not _NO_HEADING.search(words)) or _TAGS.fullmatch(line.text) is not None


def _rows(lines: Iterable[str]) -> Iterator[Statement]:
    """The rows of tables that hold more than their name."""
    for heads, rows in tables(lines):
        for line, cells in rows:
            if not any(cells[1:]):
                continue
            if len(cells) == len(heads):
                said = (f"{head}: {cell}" if head else cell for head, cell in zip(heads, cells, strict=True) if cell)
                yield Statement("; ".join(said), line)
            elif not heads and len(cells) == 2 and all(cells):  # a name and what it stands for
                yield Statement(": ".join(cells), line)


def _is_figure(cell: str) -> bool:
    """Whether a cell holds a number or a code, and not a year or a date."""
    rest = _PERIOD.sub("", cell)
    return _DIGIT.search(rest) is not None and not (" " in rest.strip() and _LETTER.search(rest))


def _is_periods(cells: Sequence[str]) -> bool:
    """Whether cells are years or dates, and nothing else but units."""
    return any(cells) and all(
        _PERIOD.search(cell) and not _DIGIT.search(_PERIOD.sub("", cell)) for cell in cells if cell
    )
