from __future__ import annotations

import pytest

from ragfactory.evaluation.questions import Question, Target
from ragfactory.evaluation.relevance import Found, Judge, Place

REPORT = (Target("report.pdf", 3), Target("report.pdf", 9))
PASSAGE = "The pump on the roof of the old mill was replaced in March. It cost 1.577 euros. Fine."


@pytest.mark.parametrize(
    ("place", "unit"),
    [
        (Place("report.pdf", 3, 3), "report.pdf#3"),
        (Place("report.pdf", 1, 4), "report.pdf#3"),
        (Place("report.pdf", 8, None), None),
        (Place("report.pdf", 9), "report.pdf#9"),
        (Place("report.pdf"), None),
        (Place("other.pdf", 3, 3), None),
    ],
)
def test_a_page(place: Place, unit: str | None) -> None:
    assert Judge(Question("q", "?", REPORT)).unit(Found("text", (place,))) == unit


def test_a_passage_that_stands_in_several_documents_counts_where_one_is_relevant() -> None:
    found = Found("text", (Place("other.md"), Place("report.pdf", 2, 3)))
    assert Judge(Question("q", "?", REPORT)).unit(found) == "report.pdf#3"


@pytest.mark.parametrize(
    ("text", "relevant"),
    [
        ("... The PUMP on the roof of the old mill, was replaced in March! It cost 1.577 euros.", True),
        ("The pump on the roof of the old mill was replaced in March.", False),  # the answer is cut off
        ("It cost 1.577 euros. Fine.", False),  # the answer without a sentence long enough to know the passage by
    ],
)
def test_a_passage_of_the_file(text: str, relevant: bool) -> None:
    question = Question("q", "?", (Target("a.md"),), passage=PASSAGE, answers=("1.577",))
    assert (Judge(question).unit(Found(text, (Place("a.md"),))) is not None) is relevant
    assert Judge(question).unit(Found(text, (Place("b.md"),))) is None


def test_a_short_passage_is_known_by_all_of_it() -> None:
    judge = Judge(Question("q", "?", (Target("a.md"),), passage="Deposit | 75", answers=("75",)))
    assert judge.unit(Found("Kind | Amount\nDeposit | 75\n", (Place("a.md"),))) == "a.md"
    assert judge.unit(Found("Kind | Amount\nRent | 75\n", (Place("a.md"),))) is None


def test_each_turn_is_a_unit() -> None:
    question = Question("q", "?", (Target("a.txt"),), turns=("Anna: yes, certainly.", "Bob: no."))
    place = (Place("a.txt"),)
    units = [Judge(question).unit(Found(text, place)) for text in ("Bob: No!", "Anna:  YES certainly", "Carl: maybe")]
    assert units == ["bob no", "anna yes certainly", None]
    assert question.total == 1
    assert not Question("q", "?", (Target("a.txt"),), turns=()).is_answerable
