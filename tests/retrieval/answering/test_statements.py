"""What a passage states: sentences and rows, with what they stand under."""

from __future__ import annotations

import pytest

from ragfactory.retrieval.answering.statements import Statement, statements

PASSAGE = """3. Barrier and passes

Each booking gets two passes. Is the barrier stuck? Turn the key. Then call us.

How late do you close?

At ten.

#holiday #forest

Kind | Arrival | 31-12-2024
| time | €
Cabin | 15.00 | 100
Total |  |
"""


def test_headings_and_questions_are_what_sentences_stand_under() -> None:
    said = {each.text: (each.heading, each.question) for each in statements(PASSAGE)}
    heading = "3. Barrier and passes"
    assert said["Each booking gets two passes."] == (heading, "")
    assert said["Turn the key."] == (heading, "Is the barrier stuck?")
    assert said["Then call us."] == (heading, "")
    assert said["At ten."] == ("How late do you close?", "How late do you close?")
    assert len(said) == 5, "the fifth is the row that says something"


def test_a_row_is_told_with_the_heads_of_its_columns_and_quoted_as_it_stands() -> None:
    row = list(statements(PASSAGE))[-1]
    assert row.text == "Kind: Cabin; Arrival time: 15.00; 31-12-2024 €: 100"
    assert row.quote == "Cabin | 15.00 | 100"


def test_a_row_whose_heads_are_not_known_is_left_out_unless_it_is_a_name_and_its_value() -> None:
    assert list(statements("Horeca | 28.905 | 26.347\nShop | 12.766 | 13.208")) == []
    assert list(statements("Number | A-2025-042\nCustomer | Harm")) == [
        Statement("Number: A-2025-042", "Number | A-2025-042"),
        Statement("Customer: Harm", "Customer | Harm"),
    ]


def test_tables_one_after_another_have_heads_of_their_own() -> None:
    text = "Costs | 2024 | 2023\nEnergy | 3 | 4\nRevenue | 2024 €\nCamping | 7"
    assert [each.text for each in statements(text)] == [
        "Costs: Energy; 2024: 3; 2023: 4",
        "Revenue: Camping; 2024 €: 7",
    ]


def test_a_known_heading_is_one_wherever_it_stands_and_a_line_with_an_amount_is_none() -> None:
    text = "Wachttijd.\nKort.\n\nAlles voor € 12"
    assert [each.text for each in statements(text, ("Wachttijd.",))] == ["Kort.", "Alles voor € 12"]


def test_nothing_states_nothing() -> None:
    assert list(statements("")) == []
    assert list(statements("Why?\n\nAnd how?")) == []


@pytest.mark.parametrize(
    "contents",
    [
        "Verslag van het bestuur 3\nBalans per 31 december 2024 5\nToelichting op de balans per 31 december 2024 9",
        "Report of the board\t3\n\nBalance sheet\t5\n\nNotes (unaudited)\t5\n\nOther data\t14",
        "1. Umfang . . . . . . . . 4",
        "Préface ........ iv\nComptes | ........ | 12",
    ],
)
def test_a_table_of_contents_states_nothing(contents: str) -> None:
    assert [each.text for each in statements(f"{contents}\nThe year was good.")] == ["The year was good."]


@pytest.mark.parametrize(
    "lines",
    [
        ["Sleeping rooms 2", "Bathrooms 1", "Persons 6"],  # numbers that fall
        ["Balance sheet 5", "Notes 9"],  # too few to tell
        ["Price: € 3", "Deposit: € 5", "Total: € 8"],
        ["We waited and waited....."],
    ],
)
def test_other_lines_that_end_in_numbers_are_statements(lines: list[str]) -> None:
    assert [each.text for each in statements("\n".join(lines) + "\n| ")] == lines


def test_what_is_left_of_the_heads_of_columns_states_nothing() -> None:
    assert [each.text for each in statements("Gebouwen Terreinen Totaal € € €\nEen pas kost 5 €")] == [
        "Een pas kost 5 €"
    ]
