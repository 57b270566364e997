"""HTML as blocks: what a reader of the page would read, without its menus, scripts and hidden parts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ragfactory.documents.markup.tables import data_table, flat_text

if TYPE_CHECKING:
    from lxml.etree import _Element

    from ragfactory.documents.model import DocumentBuilder

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_INLINE_TAGS = """
a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark meter nobr output progress q rp
ruby s samp small span strike strong sub sup time tt u var wbr
"""
_DROPPED_TAGS = """
applet audio button canvas datalist dialog embed head iframe input map math nav noscript object option rt script
select style svg template textarea video
"""
_INLINE = frozenset(_INLINE_TAGS.split())
_DROPPED = frozenset(_DROPPED_TAGS.split())
_DROPPED_ROLES = frozenset(("navigation", "banner", "contentinfo", "search", "complementary", "menu", "menubar"))
_PAGE_FURNITURE = frozenset(("header", "footer", "aside"))
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_LISTS = frozenset(("ul", "ol", "menu", "dl"))
_ITEMS = frozenset(("li", "dt", "dd"))


def parse_markup(text: str) -> tuple[_Element | None, bool]:
    """The root element of an HTML text, None when there is no element, and whether something nested too deep was left out.

    Nothing is fetched and no entity of the document's own is read.
    """
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(text.replace("\0", "").encode("utf-8", errors="replace"), parser)
    except etree.XMLSyntaxError:  # there is nothing in it that could be an element
        return None, False
    return root, any("depth" in entry.message for entry in parser.error_log)


def first_text(root: _Element, tag: str) -> str | None:
    """The text of the first element of that name, on one line; None when there is none."""
    element = next(root.iter(tag), None)
    return None if element is None else " ".join(flat_text(element).split()) or None


def add_markup(builder: DocumentBuilder, root: _Element) -> None:
    """Add what an element holds to the builder, in reading order."""
    from lxml import etree

    writer = _BlockWriter(builder)
    walk = etree.iterwalk(root, events=("start", "end"))
    skipped: _Element | None = None
    for event, element in walk:
        if event == "start":
            if writer.enter(element):
                continue
            skipped = element
            walk.skip_subtree()
        else:
            if element is not skipped:
                writer.leave(element)
            skipped = None
            if element is not root:
                writer.add(element.tail)
    writer.close()


class _BlockWriter:
    """Gathers inline text until a block element begins or ends, and list items until the outermost list ends."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder
        self._inline: list[str] = []
        self._heading: int | None = None
        self._items: list[str] = []
        self._counters: list[int | None] = []  # one for each open list: its last number, None without numbers
        self._marker: str | None = None  # of the item that has begun and has no text yet
        self._articles = 0

    def add(self, text: str | None) -> None:
        if text:
            self._inline.append(text)

    def enter(self, element: _Element) -> bool:
        """Take in the beginning of an element; False when what is in it is done with."""
        tag = element.tag
        if self._is_dropped(element):
            self._inline.append(" ")
            return False
        if tag == "br":
            self._inline.append("\0")
        elif tag == "img":
            self.add(element.get("alt"))
        elif tag not in _INLINE:
            return self._enter_block(element)
        self.add(element.text)
        return True

    def _enter_block(self, element: _Element) -> bool:
        tag = element.tag
        self._flush()
        if tag in ("main", "article"):
            self._articles += 1
        elif tag in _HEADINGS:
            self._end_items()
            self._heading = _HEADINGS[tag]
        elif tag == "pre":
            self._end_items()
            self._builder.code(flat_text(element))
            return False
        elif tag == "table" and (table := data_table(element)) is not None:
            self._end_items()
            if table.caption:
                self._builder.caption(table.caption)
            self._builder.table(table)
            return False
        elif tag in _LISTS:
            self._counters.append(_start(element) if tag == "ol" else None)
        elif tag in _ITEMS:
            self._marker = self._next_marker(tag)
        self.add(element.text)
        return True

    def leave(self, element: _Element) -> None:
        """Take in the end of an element."""
        tag = element.tag
        if tag in _INLINE or tag == "br":
            return
        self._flush(caption=tag in ("caption", "figcaption"))
        if tag in ("main", "article"):
            self._articles -= 1
        elif tag in _HEADINGS:
            self._heading = None
        elif tag in _LISTS and self._counters:
            self._counters.pop()
            if not self._counters:
                self._end_items()

    def close(self) -> None:
        """Add what is left."""
        self._flush()
        self._end_items()

    def _is_dropped(self, element: _Element) -> bool:
        if element.tag in ("html", "body"):  # a page that a script would show is still a page
            return False
        if element.tag in _DROPPED or element.get("hidden") is not None or element.get("aria-hidden") == "true":
            return True
        if not self._articles and (element.tag in _PAGE_FURNITURE or element.get("role") in _DROPPED_ROLES):
            return True
        style = element.get("style")
        return style is not None and _HIDING.search(style) is not None

    def _flush(self, *, caption: bool = False) -> None:
        """Make a block, or a line of the list, of the inline text so far."""
        lines = (" ".join(line.split()) for line in "".join(self._inline).split("\0"))
        self._inline.clear()
        text = "\n".join(filter(None, lines))
        if not text:
            return
        if self._heading is not None:
            self._builder.heading(text, self._heading)
        elif self._counters:
            indent = "  " * (len(self._counters) - 1)
            lead, self._marker = (indent + "  " if self._marker is None else indent + self._marker), None
            self._items.append(lead + text.replace("\n", "\n" + indent + "  "))
        elif caption:
            self._builder.caption(text)
        else:
            self._builder.paragraph(text)

    def _end_items(self) -> None:
        self._builder.list_items(self._items)
        self._items = []

    def _next_marker(self, tag: str) -> str:
        if tag == "dt" or not self._counters:
            return ""
        last = self._counters[-1]
        if tag == "dd" or last is None:
            return "- " if tag == "li" else "  "
        self._counters[-1] = last + 1
        return f"{last + 1}. "


def _start(element: _Element) -> int:
    """The number before the first of an ordered list."""
    value = element.get("start") or "1"
    return int(value) - 1 if value.isascii() and value.isdigit() and len(value) < 9 else 0
