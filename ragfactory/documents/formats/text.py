"""Plain text: paragraphs, evident headings and lists, page marks, and the turns of conversations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.documents.conversation import find_turns
from ragfactory.documents.encoding import read_text
from ragfactory.documents.guards import with_text
from ragfactory.documents.model import DocumentBuilder
from ragfactory.documents.registry import Parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ragfactory.documents.model import Document
    from ragfactory.profiles import Parse

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PAGE_WORD = r"(?:page|pagina|seite)\s+(\d{1,6})(?:\s*(?:/|of|van|von|de|sur)\s*\d{1,6})?"
_PAGE_MARK = re.compile(rf"\s*(?:\[{_PAGE_WORD}\]|[-=]{{2,}}\s*{_PAGE_WORD}\s*[-=]{{2,}})\s*", re.IGNORECASE)
_UNDERLINE = re.compile(r"([=~-])\1{2,}\s*")
_UNDERLINE_LEVELS = {"=": 1, "-": 2, "~": 3}
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+[^\W\d_a-zà-ÿ].*[^.,;:]")
_CHAPTER = re.compile(
    r"(?:(hoofdstuk|chapter|kapitel|chapitre|deel|teil)|artikel|article|section|abschnitt|§)\s*\d+\b.*[^.,;]",
    re.IGNORECASE,
)
_BULLET = re.compile(r"\s*(?:[-*•‣◦▪–]|\d{1,3}[.)]|[a-z]\))\s+\S")
_MAX_HEADING = 100  # characters


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    page: int | None


def parse(path: Path, options: Parse) -> Document:  # noqa: ARG001 - every parser is called alike
    """Read a text file. Line breaks inside a paragraph or turn stay as they are; page marks are left out of the text.

    Raises EmptyDocumentError, or DocumentError when the file holds binary data.
    """
    lines = _numbered_by_page(_COLOUR.sub("", read_text(path)))
    builder = DocumentBuilder("text")
    builder.page_count = max((line.page for line in lines if line.page), default=None)
    if not _add_turns(builder, lines):
        _add_paragraphs(builder, lines)
    return with_text(builder.finish(), path)


def _numbered_by_page(text: str) -> list[_Line]:
    """The lines with the page each is on: a form feed begins a page, and so does a line such as '[PAGE 3]'."""
    raw = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\f\n").replace("\f", "\n\f").split("\n")
    marks = (_page_after(line, 0) for line in raw)
    first = next((page for page in marks if page is not None), None)
    page = None if first is None else max(1, first - 1)
    lines = []
    for line in raw:
        after = _page_after(line, page or 1)
        if after is None:
            lines.append(_Line(line, page))
            continue
        page = after
        lines.append(_Line(line[1:] if line.startswith("\f") else "", page))
    return lines


def _page_after(line: str, page: int) -> int | None:
    """The number of the page that this line begins; None when it begins none."""
    mark = _PAGE_MARK.fullmatch(line.lstrip("\f")) if len(line) < 80 else None
    if mark:
        return int(mark[1] or mark[2])
    return page + 1 if line.startswith("\f") else None


def _add_turns(builder: DocumentBuilder, lines: Sequence[_Line]) -> bool:
    texts = [line.text for line in lines]
    turns = find_turns(texts)
    if not turns:
        return False
    _add_paragraphs(builder, lines[: turns[0].first])
    for turn in turns:
        filled = [line for line in texts[turn.first : turn.last] if line.strip()]
        builder.turn(turn.speaker, "\n".join(filled), page=lines[turn.first].page)
    return True


def _add_paragraphs(builder: DocumentBuilder, lines: Sequence[_Line]) -> None:
    paragraphs = list(_paragraphs(lines))
    shouted = sum(_is_capitals(line.text) for paragraph in paragraphs for line in paragraph)
    capitals_stand_out = 3 * shouted < len(lines)
    last_number = 0
    for paragraph in paragraphs:
        level, taken = _underlined(paragraph), 2
        if level is None:
            level, taken = _heading_level(paragraph, last_number, capitals_stand_out), 1
        body = paragraph
        if level is not None:
            builder.heading(paragraph[0].text, level, page=paragraph[0].page)
            last_number = _top_number(paragraph[0].text) or last_number
            if paragraph is paragraphs[0]:
                builder.title = paragraph[0].text
            body = paragraph[taken:]
        _add_body(builder, body)


def _paragraphs(lines: Sequence[_Line]) -> Iterator[Sequence[_Line]]:
    """The stretches of filled lines on one page."""
    start = 0
    for i, line in enumerate(lines):
        if not line.text.strip():
            if start < i:
                yield lines[start:i]
            start = i + 1
        elif start < i and line.page != lines[start].page:
            yield lines[start:i]
            start = i
    if start < len(lines):
        yield lines[start:]


def _add_body(builder: DocumentBuilder, lines: Sequence[_Line]) -> None:
    """Add a paragraph, and the list it ends in if it does."""
    if not lines:
        return
    page = lines[0].page
    bullets = [i for i, line in enumerate(lines) if _BULLET.match(line.text[:40])]
    first = bullets[0] if len(bullets) > 1 else len(lines)
    builder.paragraph("\n".join(line.text.rstrip() for line in lines[:first]), page=page)
    builder.list_items([line.text.rstrip() for line in lines[first:]], page=page)


def _underlined(paragraph: Sequence[_Line]) -> int | None:
    if len(paragraph) < 2 or not 2 <= len(paragraph[0].text.strip()) <= _MAX_HEADING:
        return None
    line = _UNDERLINE.fullmatch(paragraph[1].text[: 2 * _MAX_HEADING].strip())
    long_enough = line and len(line[0]) >= len(paragraph[0].text.strip()) / 2
    return _UNDERLINE_LEVELS[line[1]] if line and long_enough else None


def _heading_level(paragraph: Sequence[_Line], last_number: int, capitals_stand_out: bool) -> int | None:
    """The level of the heading that the paragraph's first line is; None when it is none.

    A numbered line alone in its paragraph is one when it goes on counting, so that dates and amounts are not taken for it.
    """
    text = paragraph[0].text.strip()
    if not 2 <= len(text) <= _MAX_HEADING:
        return None
    alone = len(paragraph) == 1
    numbered = _NUMBERED.fullmatch(text)
    if numbered and alone:
        depth = numbered[1].count(".") + 1
        if depth > 1 or int(numbered[1]) == last_number + 1:
            return depth + 1
    chapter = _CHAPTER.fullmatch(text)
    if chapter and alone:
        return 1 if chapter[1] else 2
    if capitals_stand_out and _is_capitals(text) and not (len(paragraph) > 1 and _is_capitals(paragraph[1].text)):
        return 1
    return None


def _is_capitals(text: str) -> bool:
    text = text.strip()
    if len(text) > _MAX_HEADING or text.endswith((".", ",", ";")):
        return False
    letters = sum(map(str.isalpha, text))
    return letters >= 4 and 2 * letters > len(text) and text.isupper()


def _top_number(heading: str) -> int | None:
    numbered = _NUMBERED.fullmatch(heading.strip())
    return int(numbered[1].split(".")[0]) if numbered else None


PARSER = Parser(name="text", version="1", extensions=(".txt", ".text", ".log"), parse=parse)
