"""Rewriting by rule: synonyms, terms in other languages, parts of compounds."""

from __future__ import annotations

from ragfactory.retrieval.expansion import variants


def test_synonyms_of_the_profile_come_first() -> None:
    group = ("omzet", "netto-omzet", "opbrengsten")
    assert variants("Omzet 2023?", 2, ["nl"], [group]) == ["netto-omzet 2023?", "opbrengsten 2023?"]
    assert variants("netto-omzet 2023", 1, ["nl"], [group]) == ["omzet 2023"]
    assert variants("omzetting", 5, ["nl"], [group]) == []


def test_terms_of_accounting_are_translated_into_the_documents_languages() -> None:
    assert variants("eigen vermogen en voorraden", 5, ["nl", "de"], []) == ["Eigenkapital en Vorräte"]
    assert variants("what are the inventories", 5, ["fr"], []) == ["what are the stocks"]
    assert variants("what are the inventories", 5, ["en", "es"], []) == []


def test_a_longer_term_wins_over_one_within_it() -> None:
    assert variants("materiële vaste activa", 1, ["en"], []) == ["property, plant and equipment"]


def test_compounds_are_searched_by_their_parts() -> None:
    assert variants("hoogte huurovereenkomst", 5, ["nl"], []) == ["hoogte huur overeenkomst"]
    assert variants("AI-Personalkosten, wie hoch?", 5, ["de"], []) == ["AI-personal kosten, wie hoch?"]


def test_there_are_no_more_than_asked_and_none_is_the_query() -> None:
    group = ("a", "b", "c", "d")
    assert variants("a", 2, ["nl"], [group]) == ["b", "c"]
    assert variants("a", 0, ["nl"], [group]) == []
    assert variants("nothing known", 5, ["nl", "de", "fr", "en"], [group]) == []
