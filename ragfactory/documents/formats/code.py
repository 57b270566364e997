"""Source code and configuration: the source as it stands, cut where one definition ends and the next begins."""

from __future__ import annotations

import importlib
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from ragfactory.documents.encoding import read_text
from ragfactory.documents.guards import with_text
from ragfactory.documents.model import DocumentBuilder
from ragfactory.documents.registry import Parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tree_sitter import Node

    from ragfactory.documents.model import Document
    from ragfactory.profiles import Parse

# The module and the function that give the grammar of the files with this extension.
_GRAMMARS = {
    ".py": ("tree_sitter_python", "language"),
    ".js": ("tree_sitter_javascript", "language"),
    ".jsx": ("tree_sitter_javascript", "language"),
    ".ts": ("tree_sitter_typescript", "language_typescript"),
    ".tsx": ("tree_sitter_typescript", "language_tsx"),
    ".java": ("tree_sitter_java", "language"),
    ".c": ("tree_sitter_c", "language"),
    ".h": ("tree_sitter_cpp", "language"),  # reads C as well
    ".cpp": ("tree_sitter_cpp", "language"),
    ".hpp": ("tree_sitter_cpp", "language"),
    ".cs": ("tree_sitter_c_sharp", "language"),
    ".go": ("tree_sitter_go", "language"),
    ".rs": ("tree_sitter_rust", "language"),
}
_WITHOUT_GRAMMAR = (
    *(".sql", ".sh", ".bash", ".ps1", ".bat", ".rb", ".php", ".kt", ".swift", ".css"),
    *(".toml", ".yaml", ".yml", ".ini", ".cfg", ".xml"),
)
_MAX_PARSED = 2_000_000  # characters: the tree of a file takes some 170 times its size
_MAX_LINE = 5_000  # characters: over it the code is generated, and has no lines to cut at
_LONG = 60  # lines: a class over it gives its methods as blocks
_DEFINITION = re.compile(
    r"function|method|constructor|class|struct|enum|interface|trait|impl|record|namespace|module|mod_item|export|decorated|template"
    r"|type_(?:definition|declaration|alias|item)|macro_definition|preproc_if"
)
_CONTAINER = re.compile(
    r"class|struct|interface|trait|impl|record|namespace|module|mod_item|export|decorated|template|preproc_if"
)
_BODY = re.compile(r"body|block|declaration_list")
_LEADING = re.compile(r"comment|attribute_item|decorator")


def parse(path: Path, options: Parse) -> Document:  # noqa: ARG001 - every parser is called alike
    """Read a source file into blocks: a function, a class or a run of other statements, with the comments right above it.

    A class of over 60 lines gives its methods as blocks. Languages without a grammar here, and files that look generated, are
    cut at blank lines before lines that are not indented. Raises EmptyDocumentError, or DocumentError when the file holds
    binary data.
    """
    text = read_text(path).replace("\r\n", "\n")
    lines = text.split("\n")
    grammar = _GRAMMARS.get(path.suffix.lower())
    generated = len(text) > _MAX_PARSED or max(map(len, lines)) > _MAX_LINE
    starts = _paragraph_starts(lines) if grammar is None or generated else _definition_starts(text, *grammar)
    builder = DocumentBuilder("code")
    for start, end in pairwise([*sorted({0, *starts}), len(lines)]):
        builder.code("\n".join(lines[start:end]))
    return with_text(builder.finish(), path)


def _paragraph_starts(lines: Sequence[str]) -> Iterator[int]:
    """The lines that are not indented and follow a blank one."""
    for i, (above, line) in enumerate(pairwise(lines), start=1):
        if line[:1].strip() and not above.strip():
            yield i


def _definition_starts(text: str, module: str, function: str) -> Iterator[int]:
    """The lines on which a block begins."""
    from tree_sitter import Language
    from tree_sitter import Parser as TreeParser

    grammar = Language(getattr(importlib.import_module(module), function)())
    tree = TreeParser(grammar).parse(text.encode())
    bodies = [tree.root_node]
    while bodies:
        body = bodies.pop()
        yield from _starts_in(body.named_children, inside=body is not tree.root_node)
        bodies += filter(None, map(_body_of_long, body.named_children))


def _starts_in(nodes: Sequence[Node], *, inside: bool) -> Iterator[int]:
    """The lines on which the blocks among sibling nodes begin: each definition, and each run of other nodes between two.

    Inside a class the first member stays with the line that opens the class.
    """
    after_definition = not inside
    lead: int | None = None  # the first of the comments right above
    last_line = -1
    for node in nodes:
        line = node.start_point.row
        adjoins = line <= last_line + 1
        if _LEADING.search(node.type):
            if line > last_line and (lead is None or not adjoins):
                lead = line
            if after_definition and line > last_line:
                yield line
                after_definition = False
        else:
            definition = _is_definition(node)
            if after_definition or (definition and not (inside and node == nodes[0])):
                yield lead if lead is not None and adjoins else line
            after_definition, lead = definition, None
        last_line = _last_line(node)


def _is_definition(node: Node) -> bool:
    return _DEFINITION.search(node.type) is not None or _last_line(node) - node.start_point.row >= 10


def _body_of_long(node: Node) -> Node | None:
    """The node whose children are the members of a long class, namespace or the like; None for anything else."""
    while _CONTAINER.search(node.type) and _last_line(node) - node.start_point.row >= _LONG:
        if node.type.startswith("preproc_if"):
            return node
        longest = max(node.named_children, key=lambda child: child.end_byte - child.start_byte, default=None)
        if longest is None:
            return None
        if _BODY.search(longest.type):
            return longest
        node = longest
    return None


def _last_line(node: Node) -> int:
    """The last line with something of the node on it: some nodes take in the line break after them."""
    end = node.end_point
    return end.row - 1 if end.column == 0 and end.row > node.start_point.row else end.row


PARSER = Parser(name="code", version="1", extensions=(*_GRAMMARS, *_WITHOUT_GRAMMAR), parse=parse)
