"""What counts as saying the same."""

from __future__ import annotations

import pytest

from ragfactory.retrieval.folding import Folding

CLAUSE = (
    "The supplier warrants that all goods are free of defects for two years after delivery, provided that they are used as the "
    "manual says, and repairs or replaces what fails within that time without any charge."
)


def places(*texts: str) -> list[int]:
    folding = Folding()
    return [folding.place(text) for text in texts]


def test_the_same_in_almost_the_same_words_goes_together() -> None:
    assert places(CLAUSE, "Something else entirely.", CLAUSE.replace("any charge", "charge").upper()) == [0, 1, 0]


@pytest.mark.parametrize("other", ["in 2024", "12.5"])
def test_other_numbers_are_not_the_same(other: str) -> None:
    assert places(f"{CLAUSE} in 2023", f"{CLAUSE} {other}") == [0, 1]


@pytest.mark.parametrize(
    ("said", "denied"),
    [
        ("Dit geldt wel meer dan tien dagen", "Dit geldt niet meer dan tien dagen"),
        ("Es wird eine Haftung übernommen", "Es wird keine Haftung übernommen"),
        ("Le client paie les frais", "Le client ne paie pas les frais"),
        ("This does apply", "This doesn't apply"),
    ],
)
def test_what_denies_the_other_is_not_the_same(said: str, denied: str) -> None:
    assert places(f"{CLAUSE} {said}", f"{CLAUSE} {denied}") == [0, 1]


def test_texts_without_words_stay_apart() -> None:
    assert places("word", "word", "?", "?") == [0, 1, 2, 3]
