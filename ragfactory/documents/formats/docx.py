"""Word documents (DOCX): body, tables, text boxes and notes, in reading order."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from ragfactory.documents.conversation import label_turns
from ragfactory.documents.guards import mistyped, with_text
from ragfactory.documents.model import DocumentBuilder, Table
from ragfactory.documents.registry import Parser
from ragfactory.documents.table_headers import guess_header_rows
from ragfactory.documents.word.ooxml import Package, attribute, child, local_name
from ragfactory.documents.word.styles import Lists, Style, Styles, heading_sizes, run_size
from ragfactory.documents.word.text import ParagraphText, accept_changes, read_paragraph

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from lxml.etree import _Element

    from ragfactory.documents.model import Document
    from ragfactory.profiles import Parse

_WRAPPERS = frozenset(("sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag", "AlternateContent", "Choice"))
_OTHER_OFFICE = {"workbook": "a spreadsheet (XLSX)", "presentation": "a presentation (PPTX)"}

Notes = dict[tuple[str, str], "_Element"]


def parse(path: Path, options: Parse) -> Document:  # noqa: ARG001 - every parser is called alike
    """Read a DOCX file as it reads with tracked changes accepted; page headers and footers and the table of contents are left out.

    Headings are known by their style, in any language, or by the outline level; in a document without either, by their larger
    font. A note follows the paragraph or table that refers to it. Raises EncryptedDocumentError, DocumentTooLargeError,
    EmptyDocumentError, or DocumentError when the file is damaged or something else.
    """
    with Package(path) as package:
        main = package.related("officeDocument")
        root = package.part(main)
        body = child(root, "body")
        if main is None or root is None or body is None:
            kind = None if root is None else _OTHER_OFFICE.get(local_name(root))
            raise mistyped(path, kind or "a ZIP archive without a Word document in it")
        accept_changes(root)
        builder = DocumentBuilder("docx")
        styles = Styles(package.part(package.related("styles", main)))
        lists = Lists(package.part(package.related("numbering", main)))
        reader = _BodyReader(builder, styles, lists, _notes(package, main), _levels_by_size(body, styles))
        reader.add(body)
        reader.end_list()
        _add_properties(builder, package.part(package.related("core-properties")))
    return label_turns(with_text(builder.finish(), path))


def _notes(package: Package, main: str) -> Notes:
    notes: Notes = {}
    for kind in ("footnotes", "endnotes"):
        root = package.part(package.related(kind, main))
        if root is not None:
            accept_changes(root)
            notes.update({(kind, attribute(note, "id") or ""): note for note in root})
    return notes


def _levels_by_size(body: _Element, styles: Styles) -> dict[int, int]:
    """The heading level of each font size, where no paragraph has a heading's style."""
    paragraphs = [(styles.of(paragraph), paragraph) for paragraph in body.iterchildren("{*}p")]
    if any(style.level or style.role == "title" for style, _ in paragraphs):
        return {}
    lengths = ((_font_size(paragraph, style), len(read_paragraph(paragraph).text)) for style, paragraph in paragraphs)
    return heading_sizes((size, length) for size, length in lengths if length)


def _font_size(paragraph: _Element, style: Style) -> int:
    return run_size(paragraph) or style.size or 0


def _add_properties(builder: DocumentBuilder, core: _Element | None) -> None:
    title, author = child(core, "title"), child(core, "creator")
    if title is not None and title.text and title.text.strip():
        builder.title = title.text
    if author is not None and author.text and author.text.strip():
        builder.metadata["author"] = author.text.strip()


class _BodyReader:
    """Walks the body and adds its blocks; list items are gathered until another block comes."""

    def __init__(
        self, builder: DocumentBuilder, styles: Styles, lists: Lists, notes: Notes, levels_by_size: Mapping[int, int]
    ) -> None:
        self._builder = builder
        self._styles = styles
        self._lists = lists
        self._notes = notes
        self._levels_by_size = levels_by_size
        self._items: list[str] = []
        self._caption: str | None = None  # of the paragraph just before

    def add(self, container: _Element) -> None:
        """Add the blocks in a container: the body, a cell, a text box, a note."""
        for element in container:
            name = local_name(element)
            if name == "p":
                self._add_paragraph(element)
            elif name == "tbl":
                self._add_table(element)
            elif name in _WRAPPERS:
                self.add(element)

    def end_list(self) -> None:
        """Add the list items gathered so far."""
        self._builder.list_items(self._items)
        self._items = []

    def _add_paragraph(self, element: _Element) -> None:
        found = read_paragraph(element)
        style = self._styles.of(element)
        if found.text and style.role != "contents":
            self._add_text(element, found.text, style)
        self._add_attached([found])

    def _add_text(self, element: _Element, text: str, style: Style) -> None:
        level = style.level or (1 if style.role == "title" else self._levels_by_size.get(_font_size(element, style)))
        if level is None and style.numbering is not None and style.numbering[0] != "0":
            self._items.append(self._lists.marker(style.numbering) + text)
            return
        self.end_list()
        self._caption = None
        if style.role == "caption":
            self._builder.caption(text)
            self._caption = text
        elif level is not None:
            self._builder.heading(text, level)
            if level == 1 and self._builder.title is None:
                self._builder.title = text
        else:
            self._builder.paragraph(text)

    def _add_attached(self, paragraphs: Iterable[ParagraphText]) -> None:
        """Add the text boxes and notes of what was added last."""
        for found in paragraphs:
            for box in found.boxes:
                self.add(box)
            for key in found.notes:
                note = self._notes.pop(key, None)  # each once, though it be referred to again
                if note is not None:
                    self.add(note)

    def _add_table(self, element: _Element) -> None:
        rows = list(_inside(element, "tr"))
        if self._is_layout(element, rows):
            for row in rows:
                for cell in _inside(row, "tc"):
                    self.add(cell)
            return
        self.end_list()
        attached: list[ParagraphText] = []
        cells = tuple(self._cells(row, attached) for row in rows)
        marked = sum(1 for _ in takewhile(_repeats_as_head, rows))
        heads = marked if 0 < marked < len(rows) else guess_header_rows(cells)
        self._builder.table(Table(cells, heads, self._caption))
        self._caption = None
        self._add_attached(attached)

    def _is_layout(self, element: _Element, rows: list[_Element]) -> bool:
        """Whether a table only places things: it has one column or cell, or holds tables or headings."""
        if all(sum(1 for _ in _inside(row, "tc")) < 2 for row in rows):
            return True
        if next((inner for inner in element.iter("{*}tbl") if inner is not element), None) is not None:
            return True
        return any(self._styles.of(paragraph).level for paragraph in element.iter("{*}p"))

    def _cells(self, row: _Element, attached: list[ParagraphText]) -> tuple[str, ...]:
        """The texts of a row; a cell that spans columns or rows stands in the first of them."""
        texts = [""] * _span(child(row, "trPr", "gridBefore"), 0)
        for cell in _inside(row, "tc"):
            found = [read_paragraph(paragraph) for paragraph in _inside(cell, "p")]
            attached += found
            merged = child(cell, "tcPr", "vMerge")
            goes_on = merged is not None and attribute(merged, "val") != "restart"
            texts.append("" if goes_on else " ".join(part.text for part in found if part.text))
            texts += [""] * (_span(child(cell, "tcPr", "gridSpan"), 1) - 1)
        return tuple(texts)


def _inside(element: _Element, name: str) -> Iterator[_Element]:
    """The children of that name, those in content controls included."""
    for inner in element:
        found = local_name(inner)
        if found == name:
            yield inner
        elif found in _WRAPPERS:
            yield from _inside(inner, name)


def _repeats_as_head(row: _Element) -> bool:
    mark = child(row, "trPr", "tblHeader")
    return mark is not None and attribute(mark, "val") not in ("0", "false", "off")


def _span(element: _Element | None, default: int) -> int:
    value = "" if element is None else attribute(element, "val") or ""
    return min(int(value), 100) if value.isascii() and value.isdigit() and len(value) < 6 else default


PARSER = Parser(name="docx", version="1", extensions=(".docx",), parse=parse)
