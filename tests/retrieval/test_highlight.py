from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragfactory.retrieval.highlight import excerpt, matches


def marked(passage: str, query: str, *languages: str) -> list[str]:
    return [passage[start:end] for start, end in sorted({match[:2] for match in matches(passage, query, languages)})]


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
    for start, end, _ in matches(passage, query, ["nl"]):
        assert 0 <= start < end <= len(passage)
        assert not passage[start:end].isspace()


def shown(passage: str, query: str) -> str:
    start, end = excerpt(passage, matches(passage, query, ["nl"]), 120)
    return passage[start:end]


def test_a_word_counts_for_more_than_the_parts_of_a_compound() -> None:
    policies = "De kosten van het onderhoud komen ten laste van het jaar. De rekening volgt later. " * 3
    passage = (
        f"{policies}\nDe investeringen in gebouwen betreffen het restaurant, dat in juni is opgeleverd.\n{policies}"
    )
    for query in ("jaarrekening gebouwen", "onderhoudskosten gebouwen"):
        assert "gebouwen" in shown(passage, query)
    assert "onderhoud" in shown(passage, "onderhoudskosten")


def test_of_parts_with_the_same_words_the_one_that_has_them_most_often_is_shown() -> None:
    between = "Verder is er in dit boekjaar niets te melden. " * 4
    passage = f"Zie de toelichting.\n{between}\nDe omzet steeg.\n{between}\nOmzet 12, omzet 13, omzet 14.\n{between}"
    assert "omzet 13" in shown(passage, "omzet")
