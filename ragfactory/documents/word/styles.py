"""What the styles and list definitions of a Word document say about a paragraph."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ragfactory.documents.word.ooxml import attribute, child

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lxml.etree import _Element

# Word itself writes the English names whatever its language; other programs write what their user sees.
_HEADING = re.compile(
    r"(?:heading|kop|überschrift|titre|título|titolo|encabezado|rubrik|overskrift|nagłówek)\s*([1-9])"
)
_CONTENTS = re.compile(
    r"(?:toc|inhopg|inhaltsverzeichnis|verzeichnis|tm)\s*(?:\d|heading)|table of figures|lijst met afbeeldingen"
)
_TITLES = frozenset(("title", "titel", "titre"))
_CAPTIONS = frozenset(("caption", "bijschrift", "beschriftung", "légende", "figure", "table caption", "image caption"))
_MAX_CHAIN = 20  # styles that a style is based on, one on the other

Role = Literal["title", "caption", "contents"]


@dataclass(frozen=True, slots=True)
class Style:
    """What a style makes of its paragraphs; `size` is in half points, `numbering` a list's id and level."""

    level: int | None = None
    role: Role | None = None
    numbering: tuple[str, int] | None = None
    size: int | None = None


class Styles:
    """The paragraph styles of a document by their id, each with what it takes from those that it is based on."""

    def __init__(self, root: _Element | None) -> None:
        elements = () if root is None else root.iterchildren("{*}style")
        self._elements = {attribute(element, "styleId") or "": element for element in elements}
        self._resolved: dict[str, Style] = {}
        self._default = _size(child(root, "docDefaults", "rPrDefault", "rPr")) or 20

    def of(self, paragraph: _Element) -> Style:
        """The paragraph's style, with what its own properties change in it."""
        own = child(paragraph, "pPr")
        style_id = _value(child(own, "pStyle"))
        style = self._resolve(style_id) if style_id else Style(size=self._default)
        if own is None:
            return style
        return Style(_outline(own) or style.level, style.role, _numbering(own) or style.numbering, style.size)

    def _resolve(self, style_id: str) -> Style:
        if style_id not in self._resolved:
            self._resolved[style_id] = self._inherit(style_id)
        return self._resolved[style_id]

    def _inherit(self, style_id: str) -> Style:
        level, role, numbering, size = None, None, None, None
        for _ in range(_MAX_CHAIN):
            element = self._elements.get(style_id)
            name = (_value(child(element, "name")) or style_id).lower()
            properties = child(element, "pPr")
            role = role or _role(name)
            if role is None:
                heading = _HEADING.fullmatch(name) or _HEADING.fullmatch(style_id.lower())
                level = level or (int(heading[1]) if heading else None) or _outline(properties)
            numbering = numbering or _numbering(properties)
            size = size or _size(child(element, "rPr"))
            style_id = _value(child(element, "basedOn")) or ""
            if not style_id:
                break
        return Style(level, role, numbering, size or self._default)


class Lists:
    """The list definitions of a document, and how far each list has been counted."""

    def __init__(self, root: _Element | None) -> None:
        self._formats: dict[str, dict[int, str]] = {}
        self._counts: dict[str, Counter[int]] = {}
        if root is None:
            return
        abstract = {attribute(element, "abstractNumId"): element for element in root.iterchildren("{*}abstractNum")}
        for number in root.iterchildren("{*}num"):
            definition = abstract.get(_value(child(number, "abstractNumId")))
            levels = () if definition is None else definition.iterchildren("{*}lvl")
            formats = {
                int(attribute(level, "ilvl") or 0): _value(child(level, "numFmt")) or "decimal" for level in levels
            }
            self._formats[attribute(number, "numId") or ""] = formats

    def marker(self, numbering: tuple[str, int]) -> str:
        """What stands before the next item of this list and level, its indentation included: '- ' or '3. '."""
        list_id, level = numbering
        indent = "  " * level
        if self._formats.get(list_id, {}).get(level, "bullet") in ("bullet", "none"):
            return f"{indent}- "
        counts = self._counts.setdefault(list_id, Counter())
        counts[level] += 1
        for deeper in [other for other in counts if other > level]:
            del counts[deeper]
        return f"{indent}{counts[level]}. "


def heading_sizes(sizes: Iterable[tuple[int, int]]) -> dict[int, int]:
    """The heading level of each font size that is clearly over that of the running text.

    `sizes` are the font size in half points and the length in characters of each paragraph. The size that most of the text
    has is the running text's; larger ones that only short paragraphs have are headings, the largest of level 1.
    """
    amount: Counter[int] = Counter()
    longest: dict[int, int] = {}
    for size, length in sizes:
        amount[size] += length
        longest[size] = max(longest.get(size, 0), length)
    if not amount:
        return {}
    body = amount.most_common(1)[0][0]
    larger = sorted((size for size in amount if size >= 1.15 * body and longest[size] <= 200), reverse=True)
    return {size: level for level, size in enumerate(larger[:6], start=1)}


def run_size(paragraph: _Element) -> int | None:
    """The largest font size, in half points, that the paragraph's own runs set."""
    sizes = (_size(child(run, "rPr")) for run in paragraph.iter("{*}r") if child(run, "t") is not None)
    return max((size for size in sizes if size), default=None)


def _role(name: str) -> Role | None:
    if _CONTENTS.match(name):
        return "contents"
    if name in _CAPTIONS:
        return "caption"
    return "title" if name in _TITLES else None


def _outline(properties: _Element | None) -> int | None:
    level = _number(child(properties, "outlineLvl"))
    return level + 1 if level is not None and level < 9 else None


def _numbering(properties: _Element | None) -> tuple[str, int] | None:
    list_id = _value(child(properties, "numPr", "numId"))
    if list_id is None:
        return None
    return list_id, min(_number(child(properties, "numPr", "ilvl")) or 0, 8)


def _size(properties: _Element | None) -> int | None:
    return _number(child(properties, "sz"))


def _value(element: _Element | None) -> str | None:
    return None if element is None else attribute(element, "val")


def _number(element: _Element | None) -> int | None:
    value = _value(element)
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 6 else None
