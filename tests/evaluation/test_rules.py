"""What is asked by rule, and what is left out."""

from __future__ import annotations

import pytest

from ragfactory.evaluation.rules import heading_question, row_questions


@pytest.mark.parametrize(
    ("heading", "language", "question"),
    [
        ("3. Slagboom en toegangspassen", "nl", "Wat staat er over Slagboom en toegangspassen?"),
        ("Grillen und Feuer:", "de", "Was steht über Grillen und Feuer geschrieben?"),
        ("Nuitées par origine", "fr", "Que dit le document sur Nuitées par origine ?"),
        ("2) Repair of the museum", "en", "What does it say about Repair of the museum?"),
        ("Repair of the museum", None, "What does it say about Repair of the museum?"),
        ("Wie zijn onze gasten?", "nl", None),
        ("Wie betaalt de aanleg?", "nl", "Wie betaalt de aanleg?"),
        ("Inleiding", "nl", None),
        ("Algemene informatie", "nl", None),
        ("Maart en april", "nl", None),
        ("Artikel 2 Flexibel boeken", "nl", None),
        ("2024", "nl", None),
        ("Anouk Dijkgraaf", "nl", None),
        ("How to download the app", "en", None),
        ('"Ik kon anderen waarschuwen"', "nl", None),
        ("", "nl", None),
    ],
)
def test_headings_that_name_something(heading: str, language: str, question: str | None) -> None:
    assert heading_question(heading, language) == question


@pytest.mark.parametrize(
    ("language", "in_year", "on_date"),
    [
        ("nl", "Wat was het bedrag voor Energie in 2024?", "Wat was het bedrag voor Energie per 31-12-2024?"),
        (
            "de",
            "Wie hoch war der Betrag für Energie im Jahr 2024?",
            "Wie hoch war der Betrag für Energie zum 31-12-2024?",
        ),
        ("fr", "Quel était le montant pour Energie en 2024 ?", "Quel était le montant pour Energie au 31-12-2024 ?"),
        (None, "What was the amount for Energie in 2024?", "What was the amount for Energie at 31-12-2024?"),
    ],
)
def test_amounts_in_a_year_and_on_a_date(language: str | None, in_year: str, on_date: str) -> None:
    text = "Kosten\n\n | 2024 €\nEnergie | 297.842"
    assert list(row_questions(text, "", language)) == [(in_year, "Energie | 297.842", "297.842")]
    ((query, _, _),) = row_questions(text.replace("2024", "31-12-2024"), "", language)
    assert query == on_date


@pytest.mark.parametrize(
    "table",
    [
        "Taak | Anouk Dijkgraaf\nZes natuurlodges | 12",
        "Taak | 2024 €\nZes natuurlodges | Anouk Dijkgraaf",
        "Periode | Open\nApril tot en met juni | € 9",
        "Post | 2024 €\nStand per 1 januari | 12\nTotaal | 15\nMei | 7\n | 8",
        "Post | 2024 €\nHoreca | -",
        "Afdeling | 2024 fte\nHoreca | 10,3",
        "Onderwerp | 2024\nZwembad | 8,1",
        "Horeca | 28.905\nWinkel | 12.766",
        "Post | 2024 €\nEen | rij | te lang",
    ],
)
def test_other_rows_and_cells_are_left_out(table: str) -> None:
    assert list(row_questions(table, "", "nl")) == []


def test_the_documents_unit_counts_where_a_column_has_none() -> None:
    table = "Post | 2024\nHoreca | (801.936)"
    (question,) = row_questions(table, "Jaarrekening 2024; bedragen in euro's", "nl")
    assert question == ("Wat was het bedrag voor Horeca in 2024?", "Horeca | (801.936)", "(801.936)")
    assert list(row_questions(table.replace("2024", "2024 fte"), "bedragen in euro's", "nl")) == []
