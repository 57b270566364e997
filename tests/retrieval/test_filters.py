"""Filters: what a condition says, and the passages it leaves to be found."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import ExitCode, UsageError
from ragfactory.retrieval.filters import Condition, parse_filter
from ragfactory.retrieval.results import Mode
from ragfactory.retrieval.search import Searcher

if TYPE_CHECKING:
    from tests.conftest import Workplace


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("year=2024", ("year", "=", "2024")),
        (" year != 2024 ", ("year", "!=", "2024")),
        ("page<10", ("page", "<", "10")),
        ("page<=10", ("page", "<=", "10")),
        ("page>10", ("page", ">", "10")),
        ("page >= 10", ("page", ">=", "10")),
        ("path~*.pdf", ("path", "~", "*.pdf")),
        ("path!~a b/*", ("path", "!~", "a b/*")),
        ("date of issue=1 May", ("date of issue", "=", "1 May")),
        ("text~*a=b*", ("text", "~", "*a=b*")),
        ("title=!", ("title", "=", "!")),
    ],
)
def test_a_filter_is_a_key_an_operator_and_a_value(text: str, condition: tuple[str, str, str]) -> None:
    assert parse_filter(text) == Condition(*condition)


@pytest.mark.parametrize(
    "value", ["2024-13-45", "2023-02-29", "2024-00", "yesterday", "31-12-2024", "2024-1-1", "0000"]
)
@pytest.mark.parametrize("operator", [">=", "=", "!="])
def test_a_day_that_cannot_be_is_told(operator: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"modified{operator}{value}: a day as YYYY-MM-DD expected") as caught:
        parse_filter(f"modified{operator}{value}")
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("text", ["modified>=2024-02-29", "modified<2024-07", "modified>2023", "modified~2024-*"])
def test_a_day_a_month_a_year_or_a_pattern_may_be(text: str) -> None:
    assert parse_filter(text).key == "modified"


@pytest.mark.parametrize(
    "text", ["", "year", "year=", "=2024", "year 2024", "year==2024", "year=>2024", "year=~2024", "!=3"]
)
def test_what_is_no_filter_is_told_with_what_is(text: str) -> None:
    with pytest.raises(UsageError, match="KEY OP VALUE expected") as caught:
        parse_filter(text)
    assert caught.value.exit_code is ExitCode.USAGE
    assert "page<10" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("filter_", "values"),
    [
        ("k=10", [10]),
        ("k=10", [10.0]),
        ("k=10", ["10"]),
        ("k=1e1", [10]),
        ("k!=10", [9]),
        ("k!=10", []),
        ("k<10", [9]),
        ("k<=10", [10]),
        ("k>10", [100]),
        ("k>=10", [10]),
        ("k>2024-02", ["2024-02-01"]),
        ("k<2024-02", ["2024-01-31"]),
        ("k=2024", [2023, 2024]),
        ("k~*.PDF", ["a/b.pdf"]),
        ("k~20[12]?", [2024]),
        ("k~a*z", ["a\nz"]),
        ("k!~*.pdf", ["a.md", "b.md"]),
        ("k=true", [True]),
        ("k=false", [False]),
        ("k=cr\u00e8che", ["cre\u0300che"]),
    ],
)
def test_a_condition_that_holds(filter_: str, values: list[str | int | float | bool]) -> None:
    assert parse_filter(filter_).holds(values)


@pytest.mark.parametrize(
    ("filter_", "values"),
    [
        ("k=10", [100]),
        ("k=10", []),
        ("k=10", ["10.0"]),
        ("k=Anna", ["anna"]),
        ("k!=2024", [2023, 2024]),
        ("k<10", [10]),
        ("k<10", []),
        ("k<=10", [11]),
        ("k>10", [9]),
        ("k>=10", [9]),
        ("k>9", ["10"]),
        ("k~.pdf", ["a.pdf"]),
        ("k!~*.pdf", ["a.md", "b.pdf"]),
        ("k=1", [True]),
    ],
)
def test_a_condition_that_does_not_hold(filter_: str, values: list[str | int | float | bool]) -> None:
    assert not parse_filter(filter_).holds(values)


def found(searcher: Searcher, *filters: str) -> set[tuple[str, int]]:
    """Document and number of each passage that is left, as it is shown."""
    hits = searcher.search("pump", mode=Mode.DENSE, top_k=100, filters=[parse_filter(text) for text in filters]).hits
    return {(hit.at.doc_id, hit.at.place.n) for hit in hits}


OLD, NEW, NOTE, EMPTY = "reports/2023.pdf", "reports/2024.PDF", "notes/crèche.md", "notes/empty.md"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["year=2024"], {(NEW, 0), (NEW, 1), (NEW, 2)}),
        (["years=2024"], {(NEW, 0), (NEW, 1), (NEW, 2)}),
        (["year!=2023"], {(NOTE, 0), (NOTE, 1), (EMPTY, 0)}),
        (["year>2023", "year<2024"], {(NEW, 0), (NEW, 1), (NEW, 2)}),
        (["path~*.pdf", "page<=2"], {(OLD, 0), (OLD, 1), (NEW, 0)}),
        (["doc_id~reports/*", "page=3"], {(NEW, 0)}),
        (["page>=12"], {(OLD, 2)}),
        (["page>12"], {(NEW, 2)}),
        (["page!=1", "author=Anna"], {(OLD, 2), (NOTE, 0)}),
        (["page_end=2"], {(OLD, 1)}),
        (["page_end!~*", "n=1"], {(NOTE, 1)}),
        ([f"chunk_hash={hashlib.sha256(b'Valve revenue doubled.').hexdigest()}"], {(NEW, 0)}),
        (["page~1?"], {(OLD, 2), (NEW, 1)}),
        (["root=/elsewhere"], {(NOTE, 0), (NOTE, 1)}),
        (["type=algemeen", "document_type!=algemeen"], set()),
        (["format=markdown", "author!~a*"], {(EMPTY, 0)}),
        (["language=fr"], {(NEW, 1)}),
        (["title~*2024"], {(NEW, 0), (NEW, 1), (NEW, 2)}),
        (["pages=30", "n=0"], {(OLD, 0), (NEW, 0)}),
        (["size>=1e3", "chunks<2"], {(EMPTY, 0)}),
        (["modified<2024"], {(NOTE, 0), (NOTE, 1), (EMPTY, 0)}),
        (["modified=1969-12-31"], {(EMPTY, 0)}),
        (["headings=North"], {(OLD, 0)}),
        (["headings=Imprint"], {(NEW, 2)}),
        (["headings!~*", "language=en"], {(NOTE, 0), (NOTE, 1), (EMPTY, 0)}),
        (["strategy=default", "chunk_strategy~d*", "n=1"], {(OLD, 1), (NEW, 1), (NOTE, 1)}),
        (["context=Minutes"], {(NOTE, 0)}),
        (["context_enriched=true"], set()),
        (["text~*squeaks*"], {(NOTE, 0)}),
        (["draft=true"], {(NEW, 0), (NEW, 1), (NEW, 2)}),
        (["revision=10"], {(NOTE, 0), (NOTE, 1)}),
    ],
)
def test_every_key(archive: Searcher, filters: list[str], expected: set[tuple[str, int]]) -> None:
    assert found(archive, *filters) == expected


def test_a_passage_is_shown_where_the_filter_holds_and_the_other_places_are_told(archive: Searcher) -> None:
    for filter_, first in (("year=2024", NEW), ("format=markdown", NOTE), ("page>=12", OLD), ("page<100", OLD)):
        hits = archive.search("copyright", mode=Mode.TEXT, filters=[parse_filter(filter_)]).hits
        assert [hit.at.doc_id for hit in hits] == [first]
        assert {hits[0].at.doc_id, *(other.doc_id for other in hits[0].others)} == {OLD, NEW, NOTE}


def test_an_unknown_key_is_told_with_those_there_are(archive: Searcher) -> None:
    with pytest.raises(UsageError, match="'colour'") as caught:
        found(archive, "year=2024", "colour=red")
    for key in ("author", "draft", "page", "path", "text", "year"):
        assert key in (caught.value.hint or "").removeprefix("there are ").split(", ")


def test_what_no_document_of_the_type_says_is_no_mistake_when_it_is_a_key(library: Workplace) -> None:
    with Searcher.open(library.config) as searcher:
        assert found(searcher, "year=1850") == set()


@pytest.mark.parametrize("filter_", ["page<ten", "n=first", "year=MMXXIV"])
def test_a_number_compares_with_numbers_only(archive: Searcher, filter_: str) -> None:
    with pytest.raises(UsageError, match="is a number"):
        found(archive, filter_)


@pytest.mark.parametrize("mode", list(Mode))
def test_the_few_that_a_filter_leaves_are_found(archive: Searcher, mode: Mode) -> None:
    """Also when others are nearer to the query, and when they have no word of it."""
    narrowed = [parse_filter("author=Bob")]
    hits = archive.search("revenue pump valve chiffre copyright", top_k=3, mode=mode, filters=narrowed).hits
    assert {(hit.at.doc_id, hit.at.place.n) for hit in hits} == {(NEW, 0), (NEW, 1), (NEW, 2)}
    squeaks = archive.search("squeaks", top_k=3, mode=mode, filters=narrowed).hits
    assert len(squeaks) == (0 if mode is Mode.TEXT else 3)
