from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragfactory.retrieval.highlight import matches


def marked(passage: str, query: str, *languages: str) -> list[str]:
    return [passage[start:end] for start, end in sorted(set(matches(passage, query, languages)))]


@pytest.mark.parametrize(
    ("passage", "query", "language", "expected"),
    [
        ("De gebouwen en terreinen", "waarde van het gebouw", "nl", ["gebouwen"]),
        ("Die Gebäude wurden bewertet", "Gebaude", "de", ["Gebäude"]),
        ("Les bâtiments sont anciens", "bâtiment", "fr", ["bâtiments"]),
        ("The buildings are old", "Which BUILDING is oldest?", "en", ["buildings"]),
        ("Onderdeel XK-4471 is op", "xk-4471", "nl", ["XK", "4471"]),
    ],
)
def test_words_of_one_stem_are_marked(passage: str, query: str, language: str, expected: list[str]) -> None:
    assert marked(passage, query, language) == expected


def test_stop_words_are_not_marked() -> None:
    assert marked("het dak van het huis", "wat is het huis van jan", "nl") == ["huis"]


def test_every_language_of_the_documents_is_tried() -> None:
    assert marked("gebouwen, buildings", "gebouw building", "en", "nl") == ["gebouwen", "buildings"]


def test_an_unknown_language_matches_exact_words() -> None:
    assert marked("La casa blanca", "casa blanco", "es") == ["casa"]
    assert marked("La casa blanca", "casa blanco") == ["casa"]


@given(st.text(max_size=80), st.text(max_size=20))
def test_marks_are_words_of_the_passage(passage: str, query: str) -> None:
    for start, end in matches(passage, query, ["nl"]):
        assert 0 <= start < end <= len(passage)
        assert not passage[start:end].isspace()
