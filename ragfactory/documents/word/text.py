"""The text of one paragraph of a Word document, as it reads with all tracked changes accepted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragfactory.documents.word.ooxml import attribute, child, local_name

if TYPE_CHECKING:
    from lxml.etree import _Element

_LEFT_OUT = frozenset(("pPr", "rPr", "rt", "instrText", "delText"))
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_NOTES = {"footnoteReference": "footnotes", "endnoteReference": "endnotes"}


@dataclass(slots=True)
class ParagraphText:
    """A paragraph's text, the notes it refers to as (`footnotes` or `endnotes`, id), and the text boxes anchored in it."""

    parts: list[str] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    boxes: list[_Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text, line breaks and tabs included."""
        return "".join(self.parts).strip()


def accept_changes(root: _Element) -> None:
    """Take out what tracked changes deleted or moved away, and the second copies of drawings kept for old programs."""
    from lxml import etree

    for row in list(root.iter("{*}tr")):
        if child(row, "trPr", "del") is not None:
            table = row.getparent()
            if table is not None:
                table.remove(row)
    etree.strip_elements(root, "{*}del", "{*}moveFrom", "{*}Fallback", with_tail=False)


def read_paragraph(paragraph: _Element) -> ParagraphText:
    """The text of a `w:p` element, hidden runs left out. Text boxes are handed back, not read."""
    found = ParagraphText()
    _gather(paragraph, found)
    return found


def _gather(element: _Element, found: ParagraphText) -> None:
    for inner in element:
        name = local_name(inner)
        if name == "t":
            found.parts.append(inner.text or "")
        elif name in _CHARACTERS:
            found.parts.append(_CHARACTERS[name])
        elif name in _NOTES:
            found.notes.append((_NOTES[name], attribute(inner, "id") or ""))
        elif name == "txbxContent":
            found.boxes.append(inner)
        elif name not in _LEFT_OUT and not (name == "r" and _is_hidden(inner)):
            _gather(inner, found)


def _is_hidden(run: _Element) -> bool:
    vanish = child(run, "rPr", "vanish")
    return vanish is not None and attribute(vanish, "val") not in ("0", "false", "off")
