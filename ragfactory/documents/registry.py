"""Which parser reads which file. A new format is one new module in `documents/formats/` that defines PARSER."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ragfactory.documents import formats
from ragfactory.errors import UnsupportedFormatError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path, PurePath

    from ragfactory.documents.model import Document
    from ragfactory.profiles import Parse


@dataclass(frozen=True, slots=True)
class Parser:
    """How one format is read.

    `extensions` are lower case with their dot. `version` is part of every document's key: raise it when the same bytes would
    come out as a different Document. `parse` raises a DocumentError when the file cannot become a Document; it imports
    its heavy libraries itself, so that the registry stays light.
    """

    name: str
    version: str
    extensions: tuple[str, ...]
    parse: Callable[[Path, Parse], Document]


@cache
def parsers() -> dict[str, Parser]:
    """The parser of each file extension."""
    found: dict[str, Parser] = {}
    for module in pkgutil.iter_modules(formats.__path__, formats.__name__ + "."):
        parser: Parser = importlib.import_module(module.name).PARSER
        for extension in parser.extensions:
            if extension in found:
                raise AssertionError(f"{extension} is claimed by both {found[extension].name} and {parser.name}")
            found[extension] = parser
    return found


def is_supported(path: PurePath) -> bool:
    """Whether some parser reads files of this name."""
    return path.suffix.lower() in parsers()


def parser_for(path: PurePath) -> Parser:
    """The parser for this file, by its extension. Raises UnsupportedFormatError."""
    try:
        return parsers()[path.suffix.lower()]
    except KeyError:
        raise UnsupportedFormatError(
            f"no parser reads {path.suffix or 'files without an extension'}",
            hint="read are " + " ".join(sorted(parsers())),
            path=str(path),
        ) from None
