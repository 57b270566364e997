from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import QuestionsError, UsageError
from ragfactory.evaluation.drafts import draft, write_drafts
from ragfactory.evaluation.questions import read_questions
from ragfactory.evaluation.relevance import Found, Judge
from ragfactory.evaluation.relevance import Place as Spot
from ragfactory.store.records import ChunkRecord, Place

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "2. Deposits\n\nKind | 2024 €\nCabin | 100\nTent | 75"


def chunk(
    text: str, path: str = "a.md", *, headings: tuple[str, ...] = (), language: str = "en", page: int | None = None
) -> ChunkRecord:
    place = Place(n=0, start=0, end=len(text), page=page, page_end=page, headings=headings)
    return ChunkRecord(
        root="/docs", path=path, place=place, text=text, context="", language=language, strategy="default"
    )


def test_amounts_of_a_year_and_headings_become_questions_that_their_chunk_answers(tmp_path: Path) -> None:
    chunks = [chunk(TABLE), chunk("3. Lost pass\n\nCall us.", headings=("House", "3. Lost pass"))]
    file = tmp_path / "new.jsonl"
    assert write_drafts(file, draft(chunks, 10)) == 3
    questions = {question.query: question for question in read_questions(file)}
    cabin, tent, lost = (
        "What was the amount for Cabin in 2024?",
        "What was the amount for Tent in 2024?",
        "What does it say about Lost pass?",
    )
    assert questions.keys() == {cabin, tent, lost}
    for query, text in ((cabin, chunks[0].text), (tent, chunks[0].text), (lost, chunks[1].text)):
        judge = Judge(questions[query])
        answered = [judge.unit(Found(c.text, (Spot("a.md"),))) is not None for c in chunks]
        assert answered == [c.text == text for c in chunks]


def test_where_there_are_pages_the_page_is_relevant() -> None:
    (question, *_) = draft(
        [chunk("Wachttijd vandaag\nKort.", headings=("Wachttijd vandaag",), language="nl", page=4)], 5
    )
    assert question.line(1) == {
        "id": "draft-0001",
        "query": "Wat staat er over Wachttijd vandaag?",
        "relevant": [{"path": "a.md", "page": 4}],
        "language": "nl",
    }


def test_what_two_places_would_answer_is_left_out_and_documents_take_turns() -> None:
    row = "Kind | 2024 €\n{} | 100"
    chunks = [
        chunk(row.format(kind), f"{path}.md") for path in "ab" for kind in ("Cabin", f"Tent {path}", f"Hut {path}")
    ]
    drafts = draft(chunks, 3)
    assert "What was the amount for Cabin in 2024?" not in {question.query for question in drafts}
    assert [question.path for question in drafts] == ["a.md", "b.md", "a.md"]


def test_nothing_to_ask_and_a_file_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(QuestionsError, match="no question can be drafted"):
        write_drafts(tmp_path / "new.jsonl", draft([chunk("Just words.")], 5))
    file = tmp_path / "mine.jsonl"
    file.write_text("precious")
    with pytest.raises(UsageError, match="there already"):
        write_drafts(file, draft([chunk(TABLE)], 5))
    assert file.read_text() == "precious"
    with pytest.raises(UsageError, match="cannot be written"):
        write_drafts(tmp_path / "no" / "new.jsonl", draft([chunk(TABLE)], 5))
