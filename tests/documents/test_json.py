from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from ragfactory.documents.model import BlockKind
from ragfactory.errors import DocumentError, EmptyDocumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.documents.model import Document

    Reader = Callable[[str, str | bytes], Document]


def outline(document: Document) -> list[tuple[str, str]]:
    return [(block.kind.value, document.text_of(block)) for block in document.blocks]


def speakers(document: Document) -> list[tuple[str | None, str]]:
    return [(b.speaker, document.text_of(b)) for b in document.blocks if b.kind is BlockKind.TURN]


def test_a_record_is_one_block(read_document: Reader) -> None:
    reviews = [
        {
            "name": "Jan",
            "rating": 5,
            "text": "Goed.",
            "verified": True,
            "reply": None,
            "product": {"id": 7, "tags": ["a", "b"]},
        },
        {"name": "An", "rating": 2, "text": "Slecht.\nEcht."},
    ]
    assert outline(read_document("a.json", orjson.dumps(reviews))) == [
        ("paragraph", "name: Jan\nrating: 5\ntext: Goed.\nverified: true\nproduct.id: 7\nproduct.tags: a, b"),
        ("paragraph", "name: An\nrating: 2\ntext: Slecht.\nEcht."),
    ]


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "Hoi"}, {"role": "assistant", "content": [{"type": "text", "text": "Dag"}]}],
        [{"speaker": "user", "text": "Hoi", "lang": "nl"}, {"speaker": "assistant", "text": "Dag", "lang": "nl"}],
    ],
)
def test_messages_become_turns(read_document: Reader, messages: list[dict[str, Any]]) -> None:
    expected = [("user", "user: Hoi"), ("assistant", "assistant: Dag")]
    assert speakers(read_document("a.json", orjson.dumps(messages))) == expected
    assert speakers(read_document("b.json", orjson.dumps({"id": 1, "messages": messages}))) == expected
    assert speakers(read_document("c.jsonl", orjson.dumps({"id": 1, "messages": messages}))) == expected
    assert speakers(read_document("d.jsonl", b"\n".join(map(orjson.dumps, messages)))) == expected


def test_names_that_come_back_are_speakers(read_document: Reader) -> None:
    chat = [
        {"author": name, "text": text, "date": "2024-03-12"}
        for name, text in [("Jan", "Hoi"), ("An", "Dag"), ("Jan", "Ja")]
    ]
    assert speakers(read_document("a.json", orjson.dumps(chat)))[0] == ("Jan", "[2024-03-12] Jan: Hoi")
    posts = [{**message, "likes": 3} for message in chat]
    assert speakers(read_document("b.json", orjson.dumps(posts))) == []


def test_nested_objects_stand_under_headings(read_document: Reader) -> None:
    document = read_document(
        "a.json",
        orjson.dumps(
            {"title": "Offerte 12", "klant": {"naam": "Jan", "adres": {"plaats": "Ede"}}, "regels": [{"aantal": 2}]}
        ),
    )
    assert document.title == "Offerte 12"
    assert outline(document) == [
        ("paragraph", "title: Offerte 12"),
        ("heading", "klant"),
        ("paragraph", "naam: Jan"),
        ("heading", "adres"),
        ("paragraph", "plaats: Ede"),
        ("heading", "regels"),
        ("paragraph", "aantal: 2"),
    ]
    assert document.blocks[4].headings == ("klant", "adres")


def test_plain_values(read_document: Reader) -> None:
    assert outline(read_document("a.json", '["een", 2, null, true]')) == [("list", "- een\n- 2\n- \n- true")]
    assert outline(read_document("b.json", '"alleen tekst"')) == [("paragraph", "alleen tekst")]


def test_malformed_json_is_placed(read_document: Reader) -> None:
    with pytest.raises(DocumentError, match="line 2 column 6"):
        read_document("a.json", '{"a": 1,\n "b":}')


def test_a_bad_line_is_a_warning(read_document: Reader) -> None:
    document = read_document("a.jsonl", '{"a": 1}\n\n{"a": \n{"a": 2}\n')
    assert [text for _, text in outline(document)] == ["a: 1", "a: 2"]
    assert len(document.warnings) == 1
    assert document.warnings[0].startswith("line 3 ")


def test_not_one_good_line(read_document: Reader) -> None:
    with pytest.raises(DocumentError, match="not one line"):
        read_document("a.ndjson", "geen json\nook niet\n")


def test_json_lines_under_another_name(read_document: Reader) -> None:
    assert [text for _, text in outline(read_document("a.json", '{"a": 1}\n{"a": 2}\n'))] == ["a: 1", "a: 2"]


@pytest.mark.parametrize("text", ["{}", "[]", "null", '{"a": null}'])
def test_no_values_is_an_error(read_document: Reader, text: str) -> None:
    with pytest.raises(EmptyDocumentError):
        read_document("a.json", text)


@pytest.mark.parametrize(
    "text", ["[" * 900 + "1" + "]" * 900, '{"a":' * 900 + "1" + "}" * 900, '[{"a":' * 400 + "1" + "}]" * 400]
)
def test_deep_nesting(read_document: Reader, text: str) -> None:
    assert read_document("a.json", text).text.endswith("1")


def test_nesting_beyond_the_limit(read_document: Reader) -> None:
    with pytest.raises(DocumentError, match="not valid JSON"):
        read_document("a.json", "[" * 100_000)
