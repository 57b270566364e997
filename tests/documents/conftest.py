from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.documents.registry import parser_for
from ragfactory.profiles import Parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ragfactory.documents.model import Document


@pytest.fixture
def read_document(tmp_path: Path) -> Callable[[str, str | bytes], Document]:
    """Write a file of that name and content, and parse it by its extension."""

    def read(name: str, content: str | bytes) -> Document:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return parser_for(path).parse(path, Parse())

    return read
