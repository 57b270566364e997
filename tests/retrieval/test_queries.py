"""Files of queries: lines as they are and JSON lines, and what is wrong with a bad one."""

from __future__ import annotations

import pytest

from ragfactory.errors import UsageError
from ragfactory.retrieval.queries import Query, parse_queries


def test_lines_and_json_lines_may_be_mixed() -> None:
    data = (
        b'\xef\xbb\xbfpump on the roof\r\n\n{"id": 7, "query": "valve", "relevant": []}\n{"query": "cr\xc3\xa8che"}\n'
    )
    assert parse_queries(data, "f") == [Query("1", "pump on the roof"), Query("7", "valve"), Query("4", "crèche")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"{no json", "not valid JSON"),
        (b'{"id": "a"}', "query: missing"),
        (b'{"query": 3}', "query: "),
        (b'{"query": "  "}', "some words expected"),
        (b"\x00\x01", "some words expected"),
        (b"\xff\xfe", "UTF-8 expected"),
        (b'{"id": "1", "query": "again"}', "the id '1' is that of line 1 already"),
    ],
)
def test_a_bad_line_is_named(line: bytes, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_queries(b"pump\n" + line + b"\n", "asked.txt")
    assert caught.value.message.startswith("asked.txt: line 2: ")
    assert expected in caught.value.message


def test_a_file_without_a_query_asks_nothing() -> None:
    with pytest.raises(UsageError, match="no query in it"):
        parse_queries(b"\n \n", "asked.txt")
