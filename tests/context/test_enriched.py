"""The header over a chunk, and what cannot break it."""

from __future__ import annotations

from ragfactory.context.enriched import enriched_text


def test_document_type_and_context_stand_over_the_raw_chunk() -> None:
    context = "Balans per 31 december 2024 > Activa; bedragen in euro; boekjaar 2024"
    assert enriched_text("jaarrekening_2024.pdf", "jaarrekening", context, "Gebouwen | 1.250\n  [1]\n") == (
        "[Document: jaarrekening_2024.pdf]\n"
        "[Type: jaarrekening]\n"
        "[Context: Balans per 31 december 2024 > Activa; bedragen in euro; boekjaar 2024]\n"
        "\n"
        "Gebouwen | 1.250\n  [1]\n"
    )


def test_an_empty_context_has_no_line() -> None:
    assert enriched_text("a.txt", "algemeen", "", "Tekst.") == "[Document: a.txt]\n[Type: algemeen]\n\nTekst."


def test_a_strange_file_name_cannot_add_to_the_header() -> None:
    text = enriched_text("a]\n[Type: code]\x1b[31m\u202e.txt", "post", " \n", "x")
    assert text == "[Document: a) (Type: code)(31m.txt]\n[Type: post]\n\nx"
