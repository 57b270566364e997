"""When the passages themselves are an answer, and which part of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.retrieval.answering.extraction import extract

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.retrieval.answering.model import Source

    Passages = Callable[..., tuple[Source, ...]]

MANUAL = "3. Slagboom\n\nEen pas kost € 15. Staat de slagboom vast? Draai de sleutel naar links. Bel dan de technische dienst."
REGIONS = "Origine | 2023 | 2024\nHauts-de-France | 980 | 1 090\nWallonie | 3 120 | 3 545"
BUDGET = "Item | Budget | Actual\nCapital expenditure | 750 | 771\nRevenue | 4,120 | 4,210"


def answer(question: str, sources: tuple[Source, ...], language: str) -> list[str]:
    return [sentence.text for sentence in extract(question, sources, language)]


def test_the_sentence_after_a_question_is_its_answer(passages: Passages) -> None:
    said = answer("Wat moet ik doen als de slagboom vastzit?", passages(MANUAL, language="nl"), "nl")
    assert said == ["Draai de sleutel naar links."]


def test_one_word_in_common_is_none(passages: Passages) -> None:
    sources = (*passages(REGIONS, language="fr"), *passages(BUDGET, name="z"))
    assert answer("What is the capital of France?", sources, "en") == []
    assert answer("What was the capital expenditure?", sources, "en") == [
        "Item: Capital expenditure; Budget: 750; Actual: 771"
    ]


@pytest.mark.parametrize(
    ("question", "is_answered"),
    [
        ("Wat was de netto-omzet in 2023?", True),
        ("Wat was de netto-omzet in 1987?", False),
        ("Wat was de netto-omzet van Zilverveen?", True),
        ("Wat was de netto-omzet van Google?", False),
        ("Wat was de omzet van de camping?", True),  # a part of a compound
        ("Wat was de winst van de kampwinkel?", False),
        ("Wat is het?", False),  # nothing in it tells what is asked
    ],
)
def test_names_and_numbers_that_are_not_there_weigh_heavily(
    question: str, is_answered: bool, passages: Passages
) -> None:
    text = "De netto-omzet van Zilverveen was 4.347.899 in 2023. De campingomzet daalde."
    assert bool(answer(question, passages(text, language="nl"), "nl")) is is_answered


def test_a_name_may_stand_elsewhere_in_what_was_found_of_the_document(passages: Passages) -> None:
    offer, total = "Offerte voor Terhorst. Geldig tot juni.", "Het teamweekend kost inclusief btw 11.704 euro."
    question = "Wat kost het teamweekend voor Terhorst?"
    assert answer(question, passages(offer, total, language="nl", name="aa"), "nl") == [total]
    assert answer(question, passages(offer, total, language="nl", name="ab"), "nl") == []


def test_the_same_text_counts_once_and_at_most_three_come(passages: Passages) -> None:
    same = "The pump on the roof broke."
    texts = (same, same, *(f"The pump on the roof broke in shed {n}." for n in "ABCD"))
    found = extract("Which pump on the roof broke?", passages(*texts), "en")
    assert found[0].sources == (1,)
    assert len({sentence.text for sentence in found}) == len(found) == 3
