"""Markdown: rendered to HTML by its specification, and then read as such."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from ragfactory.documents.conversation import find_turns, label_turns
from ragfactory.documents.encoding import read_text
from ragfactory.documents.guards import with_text
from ragfactory.documents.markup.blocks import add_markup, first_text, parse_markup
from ragfactory.documents.model import DocumentBuilder
from ragfactory.documents.registry import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from markdown_it.token import Token

    from ragfactory.documents.model import Document
    from ragfactory.profiles import Parse

_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n((?:[^\n]*\n){1,500}?)(?:---|\.\.\.)[ \t]*(?:\r?\n|$)")
_SCALAR = re.compile(r"([A-Za-z_][\w .-]{0,60}):[ \t]+([^\s\[{|>&*!#].*)")
_ATTRIBUTES = re.compile(r"\{(?:\s?[:#.]|\s?data-|[^{}=]{1,100}=)[^{}]{0,200}\}$")  # '{#anchor .class}' after a heading
_NOT_SHOWN = re.compile(r"<!--.*?(?:-->|$)|<(script|style)\b.*?(?:</\1>|$)", re.DOTALL | re.IGNORECASE)
# Written by hand, HTML in Markdown is often left open: only elements that cannot hide what follows are let through.
_OTHER_TAG = re.compile(
    r"</?(?!(?:h[1-6]|p|br|ul|ol|li|table|caption|thead|tbody|tr|th|td)\b)[A-Za-z][^<>]*>", re.IGNORECASE
)
_MAX_NESTING = 60


def parse(path: Path, options: Parse) -> Document:  # noqa: ARG001 - every parser is called alike
    """Read a Markdown file (CommonMark, with tables, strike-through and admonitions).

    Links and images give their text, raw HTML gives what is between its tags. Scalars of the YAML front matter become metadata;
    its title, else the first heading of level 1, is the document's. Raises EmptyDocumentError when no text is left,
    DocumentError when the file holds binary data.
    """
    metadata, body = _split_front_matter(read_text(path))
    builder = DocumentBuilder("markdown")
    builder.title = metadata.pop("title", None)
    builder.metadata = metadata
    root, _ = parse_markup(_to_html(_turns_apart(body)))
    if root is not None:
        builder.title = builder.title or first_text(root, "h1")
        add_markup(builder, root)
    return label_turns(with_text(builder.finish(), path))


def _split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """The scalars of the YAML front matter by their key, and the text after it."""
    matter = _FRONT_MATTER.match(text)
    if matter is None or not re.match(r"\s*(?:#|[\w-][\w .-]*:(?:\s|$))", matter[1]):
        return {}, text  # two rules with text between them
    scalars = (_SCALAR.fullmatch(line.rstrip()) for line in matter[1].split("\n"))
    return {scalar[1].strip(): _unquoted(scalar[2]) for scalar in scalars if scalar}, text[matter.end() :]


def _unquoted(value: str) -> str:
    quote = value[0]
    return value[1:-1] if len(value) > 1 and quote in "'\"" and value.endswith(quote) else value


def _turns_apart(text: str) -> str:
    """The text with a blank line before each turn of a conversation, so that each is a paragraph of its own."""
    lines = text.split("\n")
    openings = {turn.first for turn in find_turns(lines)}
    return "\n".join("\n" + line if i in openings else line for i, line in enumerate(lines))


def _to_html(text: str) -> str:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.admon import admon_plugin

    markdown = (
        MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable(["table", "strikethrough"]).use(admon_plugin)
    )
    markdown.add_render_rule("html_inline", _render_inline_html)
    markdown.add_render_rule("html_block", _render_html_block)
    tokens = markdown.parse(text)
    for token, inline in pairwise(tokens):
        last = inline.children[-1] if token.type == "heading_open" and inline.children else None
        if last is not None and last.type == "text":
            last.content = _ATTRIBUTES.sub("", last.content.rstrip()).rstrip()
    return str(markdown.renderer.render(tokens, markdown.options, {}))


def _render_inline_html(renderer: object, tokens: Sequence[Token], index: int, *_: object) -> str:  # noqa: ARG001
    return "<br>" if tokens[index].content.lower().startswith("<br") else ""


def _render_html_block(renderer: object, tokens: Sequence[Token], index: int, *_: object) -> str:  # noqa: ARG001
    return f"<div>{_OTHER_TAG.sub(' ', _NOT_SHOWN.sub(' ', tokens[index].content))}</div>"


PARSER = Parser(name="markdown", version="1", extensions=(".md", ".markdown"), parse=parse)
