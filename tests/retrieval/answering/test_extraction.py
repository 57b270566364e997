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


def test_a_part_of_a_compound_is_not_the_word(passages: Passages) -> None:
    question = "Wat is de boekwaarde van de gebouwen per 31 december 2024?"
    bookings = "Balans per 31 december 2024\n\nPost | 2024\nVooruitontvangen boekingen | 346.218"
    value = "De boekwaarde van de bedrijfsgebouwen was 1.764.423 per 31 december 2024."
    assert answer(question, passages(bookings, language="nl"), "nl") == []
    assert answer(question, passages(f"{bookings}\n\n{value}", language="nl"), "nl") == [value]


def test_a_part_counts_for_nothing_where_the_word_is_said(passages: Passages) -> None:
    question, tax = "Wat is de boekwaarde van de gebouwen?", "De WOZ-waarde van de gebouwen is 4.512.000."
    assert answer(question, passages(tax, language="nl"), "nl") == [tax], "the head of the compound"
    machines = "Van de machines is de boekwaarde nihil."
    assert answer(question, passages(f"{tax} {machines}", language="nl"), "nl") == []


def test_a_word_that_only_begins_like_the_asked_one_is_a_hint(passages: Passages) -> None:
    sources = passages("Een daling van vier personen is kosteloos.", language="nl")
    assert answer("Wat kost een ontbijt per persoon?", sources, "nl") == []


def test_common_words_alone_are_no_answer_to_a_question_for_a_rare_one(passages: Passages) -> None:
    text = "Kosten\n\nKinderen vanaf acht jaar mogen mee. Kinderen kregen ijs. De boot vaart om negen uur."
    sources = passages(text, language="nl")
    assert answer("Wat kost het voor kinderen?", sources, "nl")
    assert answer("Wat kost een skipas voor kinderen?", sources, "nl") == []


def test_another_year_is_no_answer(passages: Passages) -> None:
    sources = passages("De boekwaarde van de gebouwen en de terreinen was 1.635.543 in 2023.", language="nl")
    asked = "Wat was de boekwaarde van de gebouwen en de terreinen in {}?"
    assert answer(asked.format(2023), sources, "nl")
    assert answer(asked.format(2024), sources, "nl") == []
    assert answer("Was de boekwaarde van de gebouwen en de terreinen 2.000?", sources, "nl"), "no year"
