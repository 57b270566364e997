from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import QuestionsError
from ragfactory.evaluation.questions import Question, Target, read_questions

if TYPE_CHECKING:
    from pathlib import Path

GOOD = b'{"id": "a", "query": "Which part?", "relevant": [{"path": "x.pdf", "page": 3}], "note": "mine"}'


def written(path: Path, *lines: bytes) -> Path:
    file = path / "golden.jsonl"
    file.write_bytes(b"\n".join(lines))
    return file


def test_every_kind_of_question_is_read(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        b"\xef\xbb\xbf" + GOOD,
        b"",
        b'{"query": "Q", "relevant": [{"path": "y.md"}], "passage": "A pump.", "answers": ["pump"], "language": "en"}',
        '{"id": 7, "query": "Q\u2028R", "relevant": [{"path": "z.txt"}], "turns": ["Anna: yes."]}'.encode(),
    )
    assert read_questions(file) == [
        Question("a", "Which part?", (Target("x.pdf", 3),)),
        Question("3", "Q", (Target("y.md"),), passage="A pump.", answers=("pump",), language="en"),
        Question("7", "Q\u2028R", (Target("z.txt"),), turns=("Anna: yes.",)),
    ]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"{", "line 2: not valid JSON"),
        (b"[1]", "line 2: a JSON object expected, got [1]"),
        (b'{"relevant": [{"path": "x"}]}', "line 2: query: missing"),
        (b'{"query": " ", "relevant": [{"path": "x"}]}', "line 2: query: "),
        (b'{"query": "q"}', "line 2: relevant: missing"),
        (b'{"query": "q", "relevant": []}', "line 2: relevant: "),
        (b'{"query": "q", "relevant": [{"path": "x", "page": 0}]}', "line 2: relevant.0.page: "),
        (b'{"query": "q", "relevant": [{"path": "x", "pages": 2}]}', "line 2: relevant.0.pages: unknown key"),
        (b'{"query": "q", "relevant": [{"path": "x"}], "passage": "p"}', "needs answers"),
        (b'{"id": "a", "query": "q", "relevant": [{"path": "x"}]}', "line 2: the id 'a' is that of line 1 already"),
        (b"\xff", "UTF-8 expected"),
    ],
)
def test_a_bad_line_is_named_with_what_was_expected(tmp_path: Path, line: bytes, what: str) -> None:
    with pytest.raises(QuestionsError) as caught:
        read_questions(written(tmp_path, GOOD, line))
    assert what in caught.value.message
    assert caught.value.hint


def test_a_file_without_questions_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(QuestionsError, match="no question in it"):
        read_questions(written(tmp_path, b"", b"  "))
    with pytest.raises(QuestionsError, match="cannot be read: No such file"):
        read_questions(tmp_path / "none.jsonl")
