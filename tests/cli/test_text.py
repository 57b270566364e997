"""Text made fit to be shown, whatever it held."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ragfactory.cli.text import harmless, on_one_line


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
