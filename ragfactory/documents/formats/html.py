"""HTML pages saved from a browser, a wiki or an export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.documents.conversation import label_turns
from ragfactory.documents.encoding import read_text
from ragfactory.documents.guards import with_text
from ragfactory.documents.markup.blocks import add_markup, first_text, parse_markup
from ragfactory.documents.model import DocumentBuilder
from ragfactory.documents.registry import Parser

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.documents.model import Document
    from ragfactory.profiles import Parse


def parse(path: Path, options: Parse) -> Document:  # noqa: ARG001 - every parser is called alike
    """Read an HTML file. Menus, page headers and footers, scripts and hidden parts are left out.

    The title is the page's `title`, else its first `h1`. Raises EmptyDocumentError when no text is left, DocumentError when
    the file holds binary data.
    """
    root, cut = parse_markup(read_text(path))
    builder = DocumentBuilder("html")
    if root is not None:
        builder.title = first_text(root, "title") or first_text(root, "h1")
        author = next(
            (meta.get("content") for meta in root.iter("meta") if meta.get("name", "").lower() == "author"), None
        )
        if author:
            builder.metadata["author"] = author
        add_markup(builder, root)
    if cut:
        builder.warnings.append("elements nested more than 2,048 deep were left out")
    return label_turns(with_text(builder.finish(), path))


PARSER = Parser(name="html", version="1", extensions=(".html", ".htm", ".xhtml"), parse=parse)
