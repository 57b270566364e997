from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.documents.model import BlockKind
from ragfactory.errors import EmptyDocumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.documents.model import Document

    Reader = Callable[[str, str | bytes], Document]


def outline(document: Document) -> list[tuple[str, str]]:
    return [(block.kind.value, document.text_of(block)) for block in document.blocks]


def test_inline_markup_becomes_plain_text(read_document: Reader) -> None:
    document = read_document(
        "a.md",
        "Een [link](https://x.nl 'titel') en ![een plaatje](a.png), *schuin*, **vet**, ~~weg~~,\n`x_1`, <b>html</b> &amp; <x>.\n",
    )
    assert outline(document) == [("paragraph", "Een link en een plaatje, schuin, vet, weg, x_1, html & .")]


def test_front_matter_is_metadata_and_not_text(read_document: Reader) -> None:
    document = read_document(
        "a.md", '---\ntitle: "Fase 2: ontwerp"\nauteur: Jan\ntags: [a, b]\nhide:\n- toc\n---\n\n# Kop\n\nTekst.\n'
    )
    assert document.title == "Fase 2: ontwerp"
    assert document.metadata == {"auteur": "Jan"}
    assert outline(document) == [("heading", "Kop"), ("paragraph", "Tekst.")]


def test_two_rules_are_not_front_matter(read_document: Reader) -> None:
    document = read_document("a.md", "---\nGewone tekst tussen twee lijnen.\n\n---\nSlot.\n")
    assert "Gewone tekst tussen twee lijnen." in document.text


def test_title_is_the_first_heading_of_level_one(read_document: Reader) -> None:
    assert read_document("a.md", "## Onder\n\nx\n\n# De *titel* { #anker }\n\ny\n").title == "De titel"


def test_headings_make_the_path(read_document: Reader) -> None:
    document = read_document("a.md", "# Een { data-search-exclude }\n\nTwee\n----\n\ntekst\n\n# Drie\n\nslot\n")
    assert [(b.level, document.text_of(b)) for b in document.blocks if b.kind is BlockKind.HEADING] == [
        (1, "Een"),
        (2, "Twee"),
        (1, "Drie"),
    ]
    assert [b.headings for b in document.blocks if b.kind is BlockKind.PARAGRAPH] == [("Een", "Twee"), ("Drie",)]


def test_nested_lists_are_one_block(read_document: Reader) -> None:
    document = read_document("a.md", "* een\n  1. drie\n  2. vier\n\n     vervolg\n* twee\n")
    assert outline(document) == [("list", "- een\n  1. drie\n  2. vier\n    vervolg\n- twee")]


def test_code_keeps_its_white_space(read_document: Reader) -> None:
    document = read_document("a.md", "```python\ndef f():\n    return '<b>'\n```\n")
    assert outline(document) == [("code", "def f():\n    return '<b>'")]


def test_tables_have_their_heads(read_document: Reader) -> None:
    document = read_document("a.md", "| Post | 2023 |\n|:--|--:|\n| **Gebouwen** | 1.200 |\n")
    (block,) = document.tables()
    assert block.table is not None
    assert block.table.rows == (("Post", "2023"), ("Gebouwen", "1.200"))
    assert block.table.columns == ("Post", "2023")
    assert document.text_of(block) == "Post | 2023\nGebouwen | 1.200"


def test_quotes_and_admonitions_become_paragraphs(read_document: Reader) -> None:
    document = read_document(
        "a.md", '> Een citaat.\n\n!!! tip "Let op"\n\n    Met **inhoud**.\n\n??? note "Meer"\n\n    - punt\n'
    )
    assert outline(document) == [
        ("paragraph", "Een citaat."),
        ("paragraph", "Let op"),
        ("paragraph", "Met inhoud."),
        ("paragraph", "Meer"),
        ("list", "- punt"),
    ]


@pytest.mark.parametrize("opened", ["<script>", "<div hidden>", "<nav>", "<!-- a", "<select><option>", "<style>"])
def test_html_left_open_in_a_line_hides_nothing(read_document: Reader, opened: str) -> None:
    assert "Na de regel." in read_document("a.md", f"Tekst met {opened} erin.\n\nNa de regel.\n").text


def test_raw_html_gives_its_text_and_tables(read_document: Reader) -> None:
    document = read_document(
        "a.md",
        "<div hidden>\n<h2>Kop</h2>\n<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>\n\nNa.\n",
    )
    assert outline(document) == [("heading", "Kop"), ("table", "a | b\n1 | 2"), ("paragraph", "Na.")]


def test_comments_are_not_text(read_document: Reader) -> None:
    assert outline(read_document("a.md", "<!-- lijst -->\n\nTekst <!-- b --> hier.\n")) == [
        ("paragraph", "Tekst hier.")
    ]


def test_a_conversation_becomes_turns(read_document: Reader) -> None:
    document = read_document("chat.md", "# Sessie\n\n**Coach:** Hoi\n**Jan:** Dag\n**Coach:** En?\n**Jan:** Goed.\n")
    assert [(b.kind.value, b.speaker, document.text_of(b)) for b in document.blocks] == [
        ("heading", None, "Sessie"),
        ("turn", "Coach", "Coach: Hoi"),
        ("turn", "Jan", "Jan: Dag"),
        ("turn", "Coach", "Coach: En?"),
        ("turn", "Jan", "Jan: Goed."),
    ]


@pytest.mark.parametrize("text", ["---\ntitle: leeg\n---\n", "<!-- alleen dit -->\n", "![](a.png)\n"])
def test_no_text_is_an_error(read_document: Reader, text: str) -> None:
    with pytest.raises(EmptyDocumentError):
        read_document("a.md", text)


@pytest.mark.parametrize(
    "text",
    [
        "> " * 5000 + "a",
        "".join("  " * i + "- a\n" for i in range(500)),
        "*a **b " * 5000,
        "# a" + " " * 200_000 + "b {" + "=" * 200_000,
        "[" * 5000,
    ],
)
def test_hostile_nesting(read_document: Reader, text: str) -> None:
    assert read_document("a.md", "begin\n\n" + text).text.startswith("begin")
