"""The context over a chunk, and what cannot break it."""

from __future__ import annotations

from ragfactory.context.enriched import enriched_text


def test_the_context_stands_over_the_raw_chunk() -> None:
    context = "Balans per 31 december 2024 > Activa; bedragen in euro; boekjaar 2024"
    assert enriched_text(context, "Gebouwen | 1.250\n  [1]\n") == f"{context}\n\nGebouwen | 1.250\n  [1]\n"


def test_without_a_context_there_is_only_the_chunk() -> None:
    assert enriched_text("", "Tekst.") == enriched_text(" \n", "Tekst.") == "Tekst."


def test_a_context_is_one_line() -> None:
    assert enriched_text("a\n\nb\x1b[31m\u202e", "x") == "a b(31m\n\nx"
