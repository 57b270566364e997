"""Citations are held against the passages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragfactory.retrieval.answering.citations import cited_sentences

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.retrieval.answering.model import Source

    Passages = Callable[..., tuple[Source, ...]]

PUMP, VALVE = "The pump on the roof cost € 1.577,00 in 2023.", "The valve in the cellar cost 120 euro in 2022."


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The pump cost 1577 euro [1].", [("The pump cost 1577 euro.", (1,))]),
        ("The pump broke. [1] The valve too [2].", [("The pump broke.", (1,)), ("The valve too.", (2,))]),
        ("Pump and valve cost much [1][2].", [("Pump and valve cost much.", (1, 2))]),
        ("Pump and valve cost much [1, 2].", [("Pump and valve cost much.", (1, 2))]),
        ("Pump and valve cost much [2; 2].", [("Pump and valve cost much.", (2,))]),
        ("- The pump [1]\n- The valve [2]", [("The pump", (1,)), ("The valve", (2,))]),
        ("The pump broke [3].", [("The pump broke.", ())]),
        ("The pump broke.", [("The pump broke.", ())]),
        ("It was in the garden [1].", [("It was in the garden.", ())]),
        ("The pump cost 1,577.00 euro [1].", [("The pump cost 1,577.00 euro.", (1,))]),
        ("The pump cost 9,999 euro [1].", [("The pump cost 9,999 euro.", ())]),
        ("The pump cost 1577 euro, the valve 120 [1][2].", [("The pump cost 1577 euro, the valve 120.", (1, 2))]),
        ("[1]", []),
        ("", []),
    ],
)
def test_sentences_keep_the_citations_that_hold(
    answer: str, expected: list[tuple[str, tuple[int, ...]]], passages: Passages
) -> None:
    found = cited_sentences(answer, passages(PUMP, VALVE), "en")
    assert [(sentence.text, sentence.sources) for sentence in found] == expected


@pytest.mark.parametrize(
    ("passage", "answer", "holds"),
    [
        ("The pump cost 1.577 euro.", "The pump cost 57 euro", False),
        ("The pump cost 1.250 euro.", "The pump cost 12,5 euro", False),
        ("The pump, 2023 14", "The pump is number 314", False),
        ("The pump, 2023 14", "The pump is number 202314", False),
        ("The pump cost 1.577 euro.", "The pump cost 1.577,00 euro", True),
        ("The pump cost 1577 euro.", "The pump cost 1 577 euro", True),
        ("The pump cost 1 577 euro.", "The pump cost EUR1577", True),
        ("The pump | 2023 | 1.577", "The pump cost in 2023 1.577", True),
        ("The pump | 12 | 500", "The pump: 12 500", True),
        ("The pump of 12.50 euro", "The pump of 12,5 euro", True),
        ("The pump of 5mm, built 01.12.2024", "The pump of 5 mm, built on 1 December 2024", True),
        ("The pump XK-4472", "The pump XK4472", True),
    ],
)
def test_whole_numbers_are_compared_in_whatever_notation(
    passage: str, answer: str, holds: bool, passages: Passages
) -> None:
    (sentence,) = cited_sentences(f"{answer} [1].", passages(passage), "en")
    assert sentence.sources == ((1,) if holds else ())


def test_words_are_compared_by_stem_and_stop_words_count_for_nothing(passages: Passages) -> None:
    sources = passages("Het hotel heeft vier gebouwen.", language="nl")
    assert cited_sentences("Er is een gebouw [1].", sources, "nl")[0].sources == (1,)
    assert cited_sentences("Het heeft een zwembad [1].", sources, "nl")[0].sources == ()


def test_an_answer_in_another_language_than_its_passage_shares_names_and_numbers(passages: Passages) -> None:
    sources = passages("Der Umsatz der Waterman GmbH betrug 2023 rund 4.500 Euro.", language="de")
    assert cited_sentences("Waterman zette in 2023 zo'n 4.500 euro om [1].", sources, "nl")[0].sources == (1,)
    assert cited_sentences("Het was in de tuin [1].", sources, "nl")[0].sources == ()


@given(st.text(alphabet="ab [],;0123.!\n€é", max_size=80))
def test_any_answer_can_be_taken_apart_and_cites_only_what_is_there(answer: str) -> None:
    assert all(sentence.sources == () and sentence.text for sentence in cited_sentences(answer, (), "en"))
