"""Whatever is in a file, a parser gives a sound document or a DocumentError."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragfactory.documents.model import BLOCK_SEPARATOR, BlockKind
from ragfactory.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.documents.model import Document

    Reader = Callable[[str, str | bytes], Document]

PIECES = st.sampled_from(
    [*"#-\"';,{}[]|>*", "Jan: ", "Coach: ", "\n", "\n\n", "1. ", "| a | b |\n", "|--|--|\n", "<table><tr><td>", "</td>", "<li>",
     "<p>", "</div>", "<pre>", "```", "---\n", "a: b\n", "[PAGE 2]\n", "\f", "===\n", "12:31 ", "é", "€ 1.250,00", "2023",
     "def f():\n", "    return 1\n", "class A {\n", "woord ", "\u00a0", "&amp;", "\r\n", "\t", "<script>", "<!--"]
)  # fmt: skip
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=40).map("".join)
NAMES = ["a.txt", "a.md", "a.html", "a.csv", "a.json", "a.jsonl", "a.py", "a.ts", "a.sql", "a.docx"]


def check(document: Document) -> None:
    assert BLOCK_SEPARATOR.join(document.text_of(block) for block in document.blocks) == document.text
    assert document.blocks
    for block in document.blocks:
        assert document.text_of(block).strip()
        assert (block.table is not None) == (block.kind is BlockKind.TABLE)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(content=st.one_of(TEXTS.map(lambda text: text.encode("utf-8", errors="replace")), st.binary(max_size=60)))
def test_a_sound_document_or_an_error(read_document: Reader, name: str, content: bytes) -> None:
    try:
        document = read_document(name, content)
    except DocumentError:
        return
    check(document)
