from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import EmptyDocumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.documents.model import Document, Table

    Reader = Callable[[str, str | bytes], Document]


def outline(document: Document) -> list[tuple[str, str]]:
    return [(block.kind.value, document.text_of(block)) for block in document.blocks]


def only_table(document: Document) -> Table:
    (block,) = document.tables()
    assert block.table is not None
    return block.table


def test_boilerplate_is_dropped(read_document: Reader) -> None:
    document = read_document(
        "a.html",
        "<html><head><title>Jaar&amp;verslag</title><style>p{}</style><meta name=author content='J. Smit'></head><body>"
        "<nav>Menu</nav><header>Site</header><div role=navigation>Kruimels</div>"
        "<main><header><h1>Kop</h1></header><p>Tekst<script>alert(1)</script>.</p><p hidden>weg</p>"
        "<p style='DISPLAY: none'>weg</p><aside>Kader</aside></main><aside>Reclame</aside><footer>Voet</footer></body></html>",
    )
    assert document.title == "Jaar&verslag"
    assert document.metadata == {"author": "J. Smit"}
    assert outline(document) == [("heading", "Kop"), ("paragraph", "Tekst ."), ("paragraph", "Kader")]


def test_text_outside_paragraphs_is_kept(read_document: Reader) -> None:
    document = read_document(
        "a.htm", "<div>Los <b>begin</b>&nbsp;hier<p>Een&shy; <i>alinea</i><br>regel &euro; 5</p>staart</div>einde"
    )
    assert outline(document) == [
        ("paragraph", "Los begin hier"),
        ("paragraph", "Een\u00ad alinea\nregel € 5"),
        ("paragraph", "staart"),
        ("paragraph", "einde"),
    ]


def test_lists(read_document: Reader) -> None:
    document = read_document(
        "a.html",
        "<ul><li>een<ul><li>a</li><li><p>b</p><p>vervolg</p></li></ul></li><li>twee</li></ul>"
        "<ol start=3><li>drie</li><li>vier</li></ol><dl><dt>Term</dt><dd>Uitleg</dd></dl>",
    )
    assert outline(document) == [
        ("list", "- een\n  - a\n  - b\n    vervolg\n- twee"),
        ("list", "3. drie\n4. vier"),
        ("list", "Term\n  Uitleg"),
    ]


def test_preformatted_text_and_captions(read_document: Reader) -> None:
    document = read_document(
        "a.html", "<pre>a\n    <b>b</b></pre><figure><img alt='Een gebouw'><figcaption>Figuur 1</figcaption></figure>"
    )
    assert outline(document) == [("code", "a\n    b"), ("paragraph", "Een gebouw"), ("caption", "Figuur 1")]


def test_spans_and_heads_of_a_table(read_document: Reader) -> None:
    table = only_table(
        read_document(
            "a.html",
            "<table><caption>Balans</caption><thead><tr><th rowspan=2>Post</th><th colspan=2>Jaar</th></tr>"
            "<tr><th>2023</th><th>2022</th></tr></thead><tbody><tr><td rowspan=2>Gebouwen</td><td>1</td><td>2</td></tr>"
            "<tr><td>3</td><td>4</td></tr><tr><td colspan=2>Totaal</td><td>6</td></tr></tbody></table>",
        )
    )
    assert table.caption == "Balans"
    assert table.columns == ("Post", "Jaar 2023", "Jaar 2022")
    assert table.rows[2:] == (("Gebouwen", "1", "2"), ("Gebouwen", "3", "4"), ("Totaal", "", "6"))


def test_heads_that_are_not_marked(read_document: Reader) -> None:
    rows = [["", "Boekjaar", ""], ["", "2023", "2022"], ["Omzet", "€ 1.200", "(30)"], ["Kosten", "900", "800"]]
    html = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    assert only_table(read_document("a.html", f"<table>{html}</table>")).header_rows == 2


def test_layout_tables_become_text(read_document: Reader) -> None:
    document = read_document(
        "a.html",
        "<table><tr><td>Links <table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table> rechts</td></tr></table>"
        "<table><tr><td><p>enkele cel</p></td></tr></table><table><tr><td><h2>Kop</h2>x</td><td>y</td></tr></table>",
    )
    assert outline(document) == [
        ("paragraph", "Links"),
        ("table", "a | b\n1 | 2"),
        ("paragraph", "rechts"),
        ("paragraph", "enkele cel"),
        ("heading", "Kop"),
        ("paragraph", "x"),
        ("paragraph", "y"),
    ]


def test_the_declared_encoding(read_document: Reader) -> None:
    assert read_document("a.html", '<meta charset="windows-1252"><p>€ één'.encode("cp1252")).text == "€ één"
    assert (
        read_document("a.xhtml", '<?xml version="1.0" encoding="utf-8"?><html><body><p>één</p></body></html>').text
        == "één"
    )


def test_entities_of_the_document_are_not_read(read_document: Reader) -> None:
    text = read_document("a.html", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><p>begin &e; einde</p>').text
    assert "root:" not in text
    assert "einde" in text


@pytest.mark.parametrize("html", ["<script>alert(1)</script>", "<nav>menu</nav>", "<!-- niets -->"])
def test_no_text_is_an_error(read_document: Reader, html: str) -> None:
    with pytest.raises(EmptyDocumentError):
        read_document("a.html", html)


def test_nesting_that_is_too_deep_is_told(read_document: Reader) -> None:
    document = read_document("a.html", "<p>begin</p>" + "<div>" * 100_000 + "diep" + "</div>" * 100_000)
    assert document.text.startswith("begin")
    assert "nested" in document.warnings[0]


@pytest.mark.parametrize(
    "html",
    [
        "<table><tr><td>a" * 20_000,
        "<ul><li>a" * 20_000,
        "<b>" * 50_000,
        "<td colspan=999999999 rowspan=999999>a" * 2000,
    ],
)
def test_hostile_markup(read_document: Reader, html: str) -> None:
    assert "begin" in read_document("a.html", "<p>begin</p><table><tr>" + html).text
