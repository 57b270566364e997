from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.documents.model import BlockKind
from ragfactory.errors import DocumentError, EmptyDocumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.documents.model import Document, Table

    Reader = Callable[[str, str | bytes], Document]

GOOD = "Heel goede service: de monteur kwam op tijd en ruimde alles netjes op."
BAD = "Slecht bereikbaar, en de panelen kwamen ook nog eens drie weken te laat."


def only_table(document: Document) -> Table:
    (block,) = document.blocks
    assert block.table is not None
    return block.table


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_found(read_document: Reader, delimiter: str) -> None:
    rows = [("Naam", "Plaats", "Aantal"), ("Jan", "Utrecht", "3"), ("An", "Köln", "4")]
    table = only_table(read_document("a.csv", "\n".join(delimiter.join(row) for row in rows)))
    assert table.rows == tuple(rows)
    assert table.header_rows == 1


def test_decimal_commas_do_not_delimit(read_document: Reader) -> None:
    assert only_table(read_document("a.csv", "Naam;Bedrag\nJan;1,50\nAn;2,50\n")).rows[1] == ("Jan", "1,50")


def test_a_line_that_names_the_delimiter(read_document: Reader) -> None:
    assert only_table(read_document("a.csv", "sep=|\r\na,b|c\r\n1,2|3\r\n")).rows == (("a,b", "c"), ("1,2", "3"))


def test_quotes_and_line_breaks_in_cells(read_document: Reader) -> None:
    table = only_table(read_document("a.csv", 'Naam,Adres\nJan,"Dam 1\nAmsterdam, NL"\nAn,"de ""Hoek"""\n'))
    assert table.rows[1:] == (("Jan", "Dam 1 Amsterdam, NL"), ("An", 'de "Hoek"'))


def test_a_first_row_of_amounts_is_no_head(read_document: Reader) -> None:
    assert only_table(read_document("a.csv", "1;2;3\n4;5;6\n")).header_rows == 0


def test_windows_encoding(read_document: Reader) -> None:
    assert only_table(read_document("a.csv", "Café;€\nReünie;5\n".encode("cp1252"))).rows[0] == ("Café", "€")


def test_a_review_is_one_block(read_document: Reader) -> None:
    document = read_document("a.csv", f'Naam;Beoordeling;Tekst;Bron\nJan;5;"{GOOD}";\nAn;2;"{BAD}";web\n')
    assert [(b.kind, document.text_of(b)) for b in document.blocks] == [
        (BlockKind.PARAGRAPH, f"Naam: Jan\nBeoordeling: 5\nTekst: {GOOD}"),
        (BlockKind.PARAGRAPH, f"Naam: An\nBeoordeling: 2\nTekst: {BAD}\nBron: web"),
    ]


def test_long_rows_without_heads(read_document: Reader) -> None:
    document = read_document("a.tsv", f"5\t{GOOD}\n2\t{BAD}\n")
    assert [document.text_of(b) for b in document.blocks] == [f"5\n{GOOD}", f"2\n{BAD}"]


def test_messages_become_turns(read_document: Reader) -> None:
    document = read_document("a.csv", "speaker,text\nCoach,Hoi\nJan,Dag\n")
    assert [(b.speaker, document.text_of(b)) for b in document.blocks] == [("Coach", "Coach: Hoi"), ("Jan", "Jan: Dag")]


def test_ragged_rows(read_document: Reader) -> None:
    assert only_table(read_document("a.csv", "a,b\n1,2,3\n4\n5,6\n")).rows == (
        ("a", "b", ""),
        ("1", "2", "3"),
        ("4", "", ""),
        ("5", "6", ""),
    )


def test_refusals(read_document: Reader) -> None:
    with pytest.raises(EmptyDocumentError):
        read_document("a.csv", ";;\n;;\n")
    with pytest.raises(DocumentError, match="ZIP"):
        read_document("a.csv", b"PK\x03\x04" + bytes(50))


def test_a_cell_of_a_megabyte_and_a_quote_left_open(read_document: Reader) -> None:
    assert len(read_document("a.csv", 'a,b\n1,"' + "x" * 1_000_000).text) > 1_000_000
