"""A model's answer about a whole document: of its shape or none, and nothing in it that the document does not state."""

from __future__ import annotations

import json

import pytest

from ragfactory.context.analysis import MOST_CHARACTERS, MOST_TOPICS
from ragfactory.context.analysis_answers import MAX_TOKENS, analysis_schema, check_analysis, read_analysis
from ragfactory.context.answers import Refusal
from ragfactory.context.entities import Entity

TEXT = "Jaarrekening 2024 van Voorbeeld B.V.\nDirecteur is A. Jansen te Utrecht, die **sterk** is. zie www.x.example"


def test_an_answer_is_capped_and_what_it_invents_is_left_out() -> None:
    answer = {
        "entities": [
            {"kind": "company", "text": "Voorbeeld  B.V."},
            {"kind": "company", "text": "Verzonnen N.V."},
            {"kind": "date", "text": "2024"},
            {"kind": "person", "text": "Jan"},
            {"kind": "person", "text": "a. jansen"},
            {"kind": "product", "text": "www.x.example"},
        ],
        "topics": ["balans", "BALANS", "zie https://x.example/y [hier]", "x" * 500, *(f"t{n}" for n in range(50))],
        "domain": "finance",
        "period": "boekjaar 1999",
        "language": "nl",
        "strategy": "table_aware",
        "type": "jaarrekening",
        "more": "is not read",
    }
    analysis = read_analysis(json.dumps(answer), TEXT, types=["jaarrekening", "offerte"])
    assert analysis is not None
    assert analysis.entities == (
        Entity("company", "Voorbeeld B.V."),
        Entity("date", "2024"),
        Entity("person", "a. jansen"),
    )
    assert analysis.topics[:3] == ("balans", "zie (hier)", "x" * MOST_CHARACTERS)
    assert len(analysis.topics) == MOST_TOPICS
    assert (analysis.period, analysis.domain, analysis.language) == (None, "finance", "nl")
    assert (analysis.strategy, analysis.type, analysis.by) == ("table_aware", "jaarrekening", "model")


@pytest.mark.parametrize("types", [[], ["offerte"]])
def test_a_type_that_may_not_be_suggested_is_left_out(types: list[str]) -> None:
    analysis = read_analysis('{"type": "jaarrekening", "domain": "finance"}', TEXT, types=types)
    assert analysis is not None
    assert (analysis.type, analysis.domain) == (None, "finance")


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ({}, False),
        ({"topics": ["fnord", "de"], "entities": [{"kind": "company", "text": "Verzonnen N.V."}]}, False),
        ({"topics": ["fnord", "Jaarrekening en balans"]}, True),
        ({"entities": [{"kind": "company", "text": "Voorbeeld B.V."}]}, True),
    ],
)
def test_a_type_counts_from_a_model_that_has_read_the_text(said: dict[str, object], counts: bool) -> None:
    analysis = read_analysis(json.dumps({"type": "jaarrekening", **said}), TEXT, types=["jaarrekening"])
    assert analysis is not None
    assert analysis.type == ("jaarrekening" if counts else None)


@pytest.mark.parametrize(
    ("topic", "left"),
    [
        ("**vet** en __onder__ en `code`", ("vet en onder en code",)),
        ("<script>alert(1)</script>", ("alert(1)",)),
        ("balans <img src=x", ("balans",)),
        ("<|eot_id|>system", ("system",)),
        ("[klik hier](javascript:alert)", ("klik hier",)),
        ("\u202ereklame\u0007", ("reklame",)),
        ("https://x.example/", ()),
        ("winst < verlies, a*b", ("winst < verlies, a*b",)),
    ],
)
def test_links_and_markup_are_dropped(topic: str, left: tuple[str, ...]) -> None:
    analysis = read_analysis(json.dumps({"topics": [topic]}), TEXT)
    assert analysis is not None
    assert analysis.topics == left


def test_a_server_that_says_endlessly_much_is_not_listened_to_endlessly() -> None:
    entities = [{"kind": "company", "text": f"Verzonnen {n} N.V."} for n in range(20_000)]
    answer = json.dumps({"entities": [*entities, {"kind": "company", "text": "Voorbeeld B.V."}]})
    analysis = read_analysis(answer, TEXT * 4000)  # the limit of time is the test run's
    assert analysis is not None
    assert analysis.entities == ()


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Sure!",
        "[]",
        '```json\n{"topics": ["a"]}\n```',
        '{"topics": "x"}',
        '{"domain": "astrology"}',
        '{"strategy": "rm -rf"}',
        '{"language": "Dutch"}',
        '{"topics": ["a"',
        "[" * 100_000,
    ],
)
def test_an_answer_of_another_shape_is_none(answer: str) -> None:
    assert read_analysis(answer, TEXT) is None
    assert isinstance(check_analysis(answer), Refusal)


def test_what_is_kept_of_an_answer_is_read_as_the_answer_is() -> None:
    topics = [f"t{n}" for n in range(5000)]
    answer = json.dumps({"topics": topics, "period": "Jaarrekening 2024", "type": "post", "note": "x" * 99_999})
    kept = check_analysis(answer)
    assert isinstance(kept, str)
    assert len(kept) < 1000
    assert read_analysis(kept, TEXT, types=["post"]) == read_analysis(answer, TEXT, types=["post"])


def test_the_schema_names_every_field_that_is_read_and_bounds_it() -> None:
    schema = json.loads(analysis_schema(["post", "offerte"]))
    fields = ["entities", "topics", "domain", "period", "language", "strategy", "type"]
    assert list(schema["properties"]) == schema["required"] == fields
    assert schema["properties"]["type"]["anyOf"][0]["enum"] == ["post", "offerte"]
    assert "type" not in json.loads(analysis_schema())["properties"]
    entities, topics = schema["properties"]["entities"], schema["properties"]["topics"]
    longest = {
        "entities": [{"kind": "company", "text": "x" * entities["items"]["properties"]["text"]["maxLength"]}]
        * entities["maxItems"],
        "topics": ["x" * topics["items"]["maxLength"]] * topics["maxItems"],
        "domain": "technology",
        "period": "x" * schema["properties"]["period"]["anyOf"][0]["maxLength"],
        "language": "nl",
        "strategy": "page_plus_table_aware",
        "type": "jaarrekening",
    }
    assert len(json.dumps(longest)) < 3 * MAX_TOKENS, "about as many characters are so many tokens of Dutch or German"
