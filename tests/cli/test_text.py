"""Text made fit to be shown, whatever it held."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ragfactory.cli.text import folded, harmless, on_one_line


@given(st.text(alphabet=st.characters(codec=None)))
def test_harmless_text_has_no_controls_and_keeps_its_length(text: str) -> None:
    for shown in (harmless(text), on_one_line(text)):
        assert len(shown) == len(text)
        for character in shown:
            assert unicodedata.category(character) != "Cs"
            assert unicodedata.category(character) != "Cc" or character in "\n\t"
            assert unicodedata.bidirectional(character) not in {
                "LRE",
                "RLE",
                "LRO",
                "RLO",
                "PDF",
                "LRI",
                "RLI",
                "FSI",
                "PDI",
            }
    assert not set(on_one_line(text)) & set("\n\t\r")


@given(st.lists(st.text(alphabet="ab`é漢 ", min_size=1, max_size=30)), st.integers(10, 40), st.integers(0, 8))
def test_folded_text_has_its_words_in_order_and_what_stands_in_backticks_in_one_piece(
    words: list[str], width: int, indent: int
) -> None:
    text = " ".join(words)
    first, *others = folded(text, width, indent).split("\n")
    assert all(line.startswith(" " * indent) for line in others)
    lines = [first, *(line[indent:] for line in others)]
    assert " ".join(lines).split() == text.split()
    pieces = re.findall(r"(?:`[^`]*`|\S)+", text)
    assert all(any(piece in line for line in lines) for piece in pieces)
    assert all(cell_len(line) <= width - indent or line in pieces for line in lines)
