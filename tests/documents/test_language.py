from __future__ import annotations

import pytest

from ragfactory.documents.language import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("De gebouwen zijn gewaardeerd tegen de actuele waarde.", "nl"),
        ("Wat is de waarde van de gebouwen?", "nl"),
        ("Die Gebäude wurden zum Jahresende neu bewertet.", "de"),
        ("Wie hoch ist der Wert der Gebäude?", "de"),
        ("The buildings were valued at the end of the year.", "en"),
        ("Les bâtiments ont été évalués à la fin de l'année.", "fr"),
        ("Los edificios fueron valorados al final del año.", "es"),
    ],
)
def test_short_sentences(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_a_dutch_table_of_amounts() -> None:
    table = "Materiële vaste activa | 1.200.000 | 900.000\nGebouwen | 800 | 700\nKostprijs van de omzet | 1.000 | 900"
    assert detect_language(table) == "nl"


def test_a_german_table_of_amounts() -> None:
    table = "Umsatzerlöse | 1.234 | 1.100\nMaterialaufwand | 900 | 850\nSonstige betriebliche Aufwendungen | 500 | 480"
    assert detect_language(table) == "de"


@pytest.mark.parametrize("text", ["", "1.234 5.678 | 9.000", "Ja, dat klopt.", "ok", "—" * 100])
def test_too_little_text(text: str) -> None:
    assert detect_language(text) is None


def test_a_long_text_is_judged_by_its_start_and_middle() -> None:
    dutch = "Dit is een lange tekst over de gebouwen van de vennootschap. " * 2000
    assert detect_language(dutch + "The very end is in English. ") == "nl"
