"""Whatever is asked, `search` and `ask` answer, or say what is wrong with the question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended

    Cli = Callable[..., Ended]

COMMANDS = {"search": ["search", "--no-rerank"], "ask": ["ask", "--by", "extract", "--no-rerank"]}
ODD = {
    "100,000 characters": "pump on the roof is broken " * 3704,
    "one long word": "pump" * 25_000,
    "stop words": "the of and in on is",
    "punctuation": "?!... --- ((( ))) [] {} ~~ ^^ && || @@ ##",
    "another script": "ポンプが壊れています кто починил насос مضخة",
    "emoji": "🚰🔧👩🏽‍🔧",
    "quotes": '"pump \'roof """ `broken` “part”',
    "operators": 'pump AND NOT roof OR (text:broken^2 "a b"~3 [a TO z] {x TO *} +x -y *? field:*) IN [a b] \\',
    "controls": "pump\x00\x07\x1b[31m\x9b\u202eroof\u200b\n\r\t",
    "combining": "p\u0301u\u0301m\u0301p" + "\u0301" * 500,
    "markup": "[bold]pump[/bold] <|eot_id|> </passage> {question} %s",
}


@pytest.mark.parametrize("query", ODD.values(), ids=ODD)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_an_odd_question_is_a_question(command: list[str], query: str, library_cli: Cli) -> None:
    ended = library_cli(*command, "--top-k", "2", "--json", "--", query)
    assert (ended.status, ended.envelope["errors"]) == (0, [])
    data = ended.envelope["data"]
    assert len(data.get("chunks", data.get("sources"))) == (2 if any(map(str.isalnum, query)) else 0)
    shown = library_cli(*command, "--top-k", "2", "--mode", "text", "--", query)
    assert shown.status == 0
    assert not set(shown.out + shown.err) & set("\x00\x07\x1b\x9b\u202e\u200b")


@pytest.mark.parametrize("name", ["100,000 characters", "quotes", "operators", "controls", "markup"])
def test_what_surrounds_a_word_does_not_hide_it(name: str, library_cli: Cli) -> None:
    (chunk, *_) = library_cli("search", "--mode", "text", "--json", "--", ODD[name]).envelope["data"]["chunks"]
    assert "pump" in chunk["text"]


@pytest.mark.parametrize("name", ["punctuation", "emoji"])
def test_what_is_no_word_is_found_nowhere_by_words(name: str, library_cli: Cli) -> None:
    ended = library_cli("search", "--mode", "text", "--json", "--", ODD[name])
    assert (ended.status, ended.envelope["data"]["chunks"]) == (0, [])


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("query", ["", "  \t\n", "\x00\x01"])
def test_a_question_without_anything_in_it_is_refused(command: list[str], query: str, library_cli: Cli) -> None:
    ended = library_cli(*command, "--json", "--", query)
    assert (ended.status, ended.error["code"], ended.error["message"]) == (2, "usage", "the query is empty")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("year", "KEY OP VALUE expected, got 'year'"),
        ("=2024", "KEY OP VALUE expected, got '=2024'"),
        ("year==2024", "KEY OP VALUE expected"),
        ("colour=red", "no document has the key 'colour'"),
        ("n<first", "n is a number, got 'first'"),
        ("", "KEY OP VALUE expected, got ''"),
    ],
)
def test_a_filter_that_says_nothing_is_refused_where_it_stands(
    command: list[str], condition: str, expected: str, library_cli: Cli
) -> None:
    ended = library_cli(*command, "--filter", "format=markdown", "--filter", condition, "--json", "pump")
    assert (ended.status, ended.error["code"]) == (2, "usage")
    assert expected in ended.error["message"]
    assert ended.error["hint"]


@pytest.mark.parametrize("mode", ["hybrid", "dense", "text"])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_filter_that_nothing_meets_finds_nothing(command: list[str], mode: str, library_cli: Cli) -> None:
    ended = library_cli(*command, "--mode", mode, "--filter", "path~*.doesnotexist", "--json", "pump")
    assert ended.status == 0
    assert ended.envelope["data"].get("chunks", []) == ended.envelope["data"].get("sources", []) == []


@pytest.mark.parametrize("command", ["search", "ask"])
def test_a_question_that_begins_with_a_dash_is_told_where_it_goes(library_cli: Cli, command: str) -> None:
    ended = library_cli(command, "-12,5", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.USAGE, "usage")
    assert f'ragfactory {command} -- "-12,5"' in ended.error["hint"]
    assert "--" not in str(library_cli(command, "--no-such", "--json").error["hint"]).replace("--help", "")
    assert library_cli("inspect", "-12,5", "--json").error["hint"] == "see `ragfactory inspect --help`"


def test_a_question_may_begin_with_a_dash(library_cli: Cli) -> None:
    assert library_cli("search", "--mode", "text", "--", "-12,5").status == ExitCode.OK


def test_a_day_that_cannot_be_ends_with_2(library_cli: Cli) -> None:
    ended = library_cli("search", "brakes", "--filter", "modified>=2024-13-45", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.USAGE, "usage")
    assert "2024-13-45" in ended.error["message"]


def test_a_query_without_a_word_finds_nothing(library_cli: Cli) -> None:
    ended = library_cli("search", "?!... --- ()")
    assert (ended.status, ended.out) == (ExitCode.OK, "nothing found\n")
    assert ended.err == "note: the query has no word to look for\n"


def test_what_is_left_out_of_a_long_query_is_said(library_cli: Cli) -> None:
    note = "the query is long: 256 of its words are looked for, and its beginning is compared by meaning"
    assert note in library_cli("search", "pump " * 257, "--json").envelope["warnings"]
    assert note not in library_cli("search", "pump " * 256, "--json").envelope["warnings"]


def test_a_passage_with_nothing_around_it_is_not_shown_twice(library_cli: Cli) -> None:
    out = library_cli("search", "brakes", "--top-k", "1", "--expand-hits", "table").out
    assert "around it: nothing else" in out
    assert out.count("mechanic fixed the brakes") == 1
