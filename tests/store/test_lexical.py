"""Full text: stemmers and stop words by language, queries that are plain text, rows that come and go."""

from __future__ import annotations

import string
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragfactory.errors import DamagedIndexError
from ragfactory.store.analysis import stems
from ragfactory.store.durable import link_or_copy, sha256_of
from ragfactory.store.function_words import function_words
from ragfactory.store.lexical import LOCK_FILES, LexicalIndex, LexicalWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ALL = ("nl", "de", "fr", "en")


def build(directory: Path, *texts: tuple[str, str | None]) -> LexicalIndex:
    """An index of (text, language), with row ids from 0."""
    writer = LexicalWriter(directory)
    for row, (text, language) in enumerate(texts):
        writer.add(row, text, language)
    writer.commit()
    return LexicalIndex(directory)


def rows(index: LexicalIndex, query: str, languages: Sequence[str] = ALL) -> list[int]:
    return [hit.row for hit in index.search(query, 10, languages)]


@pytest.mark.parametrize(
    ("language", "written", "asked"),
    [
        ("nl", "De gebouwen zijn verkocht", "gebouw"),
        ("nl", "de waardering van het gebouw", "waarderingen"),
        ("de", "Die Häuser wurden verkauft", "Haus"),
        ("de", "die Rückstellung für Pensionen", "Rückstellungen"),
        ("fr", "les immobilisations corporelles", "immobilisation corporelle"),
        ("en", "the buildings were depreciated", "building depreciation"),
    ],
)
def test_other_forms_of_a_word_are_found_in_its_own_language(
    tmp_path: Path, language: str, written: str, asked: str
) -> None:
    index = build(tmp_path, (written, language))
    assert rows(index, asked, [language]) == [0]
    assert rows(index, asked, []) == []


@pytest.mark.parametrize(
    ("written", "asked"),
    [("Société Générale", "societe generale"), ("Jahresüberschuß", "jahresuberschuss"), ("coordinatie", "coördinatie")],
)
def test_accents_and_case_make_no_difference(tmp_path: Path, written: str, asked: str) -> None:
    index = build(tmp_path, (written, None))
    assert rows(index, asked) == rows(index, asked.upper()) == [0]


@pytest.mark.parametrize(
    "written", ["1.577", "1,577", "1577", "1 577", "€ 1.577,00", "$1,577.00", "(1.577)", "1\u2019577"]
)
@pytest.mark.parametrize("asked", ["1.577", "1577", "€ 1.577,00", "1,577.00"])
def test_a_number_is_found_in_every_notation(tmp_path: Path, written: str, asked: str) -> None:
    index = build(tmp_path, (f"Gebouwen | {written} | 12", "nl"), ("Terreinen | 577 | 1 | 1.578", "nl"))
    assert rows(index, asked) == [0]


def test_decimals_are_part_of_a_number(tmp_path: Path) -> None:
    index = build(tmp_path, ("een marge van 12,50%", "nl"), ("12 van 50", "nl"), ("1250 stuks", "nl"))
    assert rows(index, "12.5") == [0]
    assert rows(index, "1.250") == [2]


@pytest.mark.parametrize("asked", ["XK-4472", "XK4472", "xk 4472", "4472"])
def test_a_code_is_found_with_and_without_its_signs(tmp_path: Path, asked: str) -> None:
    index = build(tmp_path, ("the valve XK-4472 fits", "en"), ("the valve XK-4471 fits", "en"))
    assert rows(index, asked)[0] == 0


@pytest.mark.parametrize("written", ["NL91ABNA0417164300", "NL91 ABNA 0417 1643 00", "NL91-ABNA-0417-1643-00"])
@pytest.mark.parametrize("asked", ["NL91ABNA0417164300", "NL91 ABNA 0417 1643 00", "nl91\u00a0abna 0417 1643 00"])
def test_an_iban_is_found_in_both_notations(tmp_path: Path, written: str, asked: str) -> None:
    other = "Betaal op NL13 ABNA 0417 9999 01 van Jan"
    index = build(tmp_path, (f"Betaal op {written} t.n.v. Jan", "nl"), (other, "nl"))
    assert rows(index, asked)[0] == 0
    assert rows(index, "NL13ABNA0417999901") == [1]


def test_a_number_behind_an_iban_is_not_part_of_it(tmp_path: Path) -> None:
    index = build(
        tmp_path, ("BE68 5390 0754 7034 2024 voor de huur", "nl"), ("DE89 3704 0044 0532 0130 00 bis 31", "de")
    )
    assert rows(index, "BE68539007547034") == [0]
    assert rows(index, "DE89370400440532013000") == [1]


def test_initials_are_one_word(tmp_path: Path) -> None:
    index = build(tmp_path, ("Camping De Brem B.V.", "nl"), ("Camping V en B", "nl"))
    assert rows(index, "BV") == rows(index, "b.v.") == [0]


@pytest.mark.parametrize(
    ("language", "written", "asked"),
    [
        ("nl", "de bedrijfsgebouwen zijn verkocht", "gebouw"),
        ("nl", "de kosten van het personeel", "personeelskosten"),
        ("nl", "Afschrijvingskosten.", "afschrijving"),
        ("nl", "een gezichtsafbeelding", "gezicht"),
        ("nl", "een gezichtsafbeelding", "afbeelding"),
        ("nl", "de arbeidsomstandigheden", "omstandigheden"),
        ("nl", "nieuwe beveiligingssystemen", "beveiliging"),
        ("nl", "discriminatiewetgeving", "discriminatie"),
        ("nl", "fraudeherkenning", "herkenning"),
        ("nl", "de AI-besluitvormingssystemen", "besluitvorming"),
        ("nl", "het expertisecentrum", "expertise"),
        ("nl", "de arbeidsongeschiktheidsverzekering", "arbeidsongeschiktheid"),
        ("nl", "een terrorismebestrijder, terrorismebestrijding", "terrorisme"),
        ("de", "die Personalkosten steigen", "Kosten"),
        ("de", "der Wert der Grundstücke", "Grundstückswert"),
        ("de", "die Krankenversicherung", "Versicherung"),
        ("de", "an der Haltestelle", "Stelle"),
        ("de", "Umsatzsteuererklärungen", "Umsatzsteuer"),
    ],
)
def test_compounds_and_their_parts_find_each_other(tmp_path: Path, language: str, written: str, asked: str) -> None:
    index = build(tmp_path, (written, language), ("iets anders / etwas anderes", language))
    assert rows(index, asked, [language]) == [0]


def test_a_whole_compound_counts_more_than_its_parts(tmp_path: Path) -> None:
    index = build(tmp_path, ("kosten en personeel", "nl"), ("de personeelskosten dalen", "nl"), ("kosten", "nl"))
    assert rows(index, "personeelskosten") == [1, 0, 2]


def test_words_about_a_document_are_found(tmp_path: Path) -> None:
    writer = LexicalWriter(tmp_path)
    writer.add(0, "de omzet steeg", "nl", about="jaarrekening_2024-brem.pdf")
    writer.commit()
    assert rows(LexicalIndex(tmp_path), "brem") == [0]


def test_an_exact_form_counts_more_than_its_stem(tmp_path: Path) -> None:
    index = build(tmp_path, ("het gebouw staat leeg", "nl"), ("de gebouwen staan leeg", "nl"))
    assert rows(index, "gebouwen") == [1, 0]
    assert rows(index, "gebouw") == [0, 1]


def test_a_text_of_an_unknown_language_is_found_by_its_words(tmp_path: Path) -> None:
    index = build(tmp_path, ("los edificios vendidos", "es"), ("palabras", None))
    assert rows(index, "edificios", ["es"]) == [0]
    assert rows(index, "palabras") == [1]


def test_query_syntax_is_plain_text(tmp_path: Path) -> None:
    index = build(tmp_path, ("omzet 2024", "nl"), ("kosten 2023", "nl"))
    for query in ('"omzet', "omzet:", "id:1 omzet", "(omzet AND", "-omzet", "omzet~2^3", "exact:omzet*", "[omzet TO }"):
        assert rows(index, query) == [0], query
    assert sorted(rows(index, "omzet NOT kosten")) == [0, 1]
    assert rows(index, f"omzet {string.punctuation} \0 \t\n") == [0]


@pytest.mark.parametrize("query", ["", "   ", "?!", "— … •", "\0", "x" * 101])
def test_a_query_without_words_finds_nothing(tmp_path: Path, query: str) -> None:
    assert rows(build(tmp_path, ("omzet van het jaar", "nl")), query) == []


def test_stop_words_alone_find_only_their_exact_forms(tmp_path: Path) -> None:
    index = build(tmp_path, ("omzet van het jaar", "nl"), ("kosten", "nl"))
    assert rows(index, "de van het een") == [0]
    assert stems("de van het een", ["nl"]) == set()
    assert stems("De gebouwen van Société", ["nl"]) == stems("gebouw", ["nl"]) | {"societe"}
    assert stems("De gebouwen", []) == {"de", "gebouwen"}


@pytest.mark.parametrize(
    ("language", "asked"),
    [
        ("nl", "hoe worden pompen door ons gewaardeerd"),
        ("de", "wie werden die pompen bei uns bewertet"),
        ("fr", "comment est évaluée la pompe chez nous"),
        ("en", "how do we value pumps and what does it mean"),
    ],
)
def test_what_only_has_the_function_words_of_a_question_is_not_found(tmp_path: Path, language: str, asked: str) -> None:
    functional = " ".join(word for word in asked.split() if word in function_words(language))
    index = build(tmp_path, (functional, None), (asked, None), (functional, language))
    assert rows(index, asked, [language]) == [1]
    assert set(rows(index, functional, [language])) == {0, 1, 2}  # there is nothing else to look for


def test_a_function_word_of_one_language_is_found_in_another(tmp_path: Path) -> None:
    index = build(tmp_path, ("the door was painted", "en"), ("geschilderd door de huurder", "nl"))
    assert rows(index, "which door is closed") == [0]


@pytest.mark.parametrize("language", ALL)
def test_function_words_are_in_lower_case_and_each_once(language: str) -> None:
    words = files("ragfactory.store.function_words").joinpath(f"{language}.txt").read_text(encoding="utf-8").split()
    assert words == sorted({word.lower() for word in words})
    assert function_words(language) == set(words)
    assert not function_words("es")


@pytest.mark.timeout(30)
def test_a_query_of_a_hundred_thousand_characters_is_answered(tmp_path: Path) -> None:
    index = build(tmp_path, ("omzet", "nl"), *((f"woord{n}", "nl") for n in range(2000)))
    words = " ".join(f"woord{n}" for n in range(20_000))
    assert len(rows(index, words[:100_000])) == 10
    assert rows(index, ("omzet " * 20_000)[:100_000]) == [0]
    assert rows(index, "x" * 100_000) == rows(index, "?" * 100_000) == []


def test_row_ids_come_back_however_large(tmp_path: Path) -> None:
    ids = [0, 1, 2**32, 2**53 + 1, 2**63 - 1]
    writer = LexicalWriter(tmp_path)
    for row_id in ids:
        writer.add(row_id, "zelfde woorden", "nl")
    writer.commit()
    assert sorted(rows(LexicalIndex(tmp_path), "woorden")) == ids


SOUNDS = [f"zon {'maan ' * (n % 4)}{'wind' if n % 3 else 'water'}" for n in range(50)]


@pytest.mark.parametrize("query", ["zon", "maan wind", "water maan zon"])
def test_among_some_rows_scores_are_what_they_are_among_all(tmp_path: Path, query: str) -> None:
    index = build(tmp_path, *((text, "nl") for text in SOUNDS))
    scores = {hit.row: hit.score for hit in index.search(query, 50, ["nl"])}
    some = np.arange(0, 50, 7)
    others = np.setdiff1d(np.arange(50), some)
    for hits in (index.search(query, 50, ["nl"], only=some), index.search(query, 50, ["nl"], without=others)):
        assert {hit.row: hit.score for hit in hits} == {row: scores[row] for row in some.tolist() if row in scores}


def test_the_rows_to_look_among_are_chosen_before_the_best(tmp_path: Path) -> None:
    index = build(tmp_path, *(("zon " * n, "nl") for n in range(1, 30)), ("zon en veel wolken daarbij", "nl"))
    assert [hit.row for hit in index.search("zon", 1, ["nl"], only=np.array([29]))] == [29]
    assert [hit.row for hit in index.search("zon", 1, ["nl"], without=np.arange(29))] == [29]
    assert index.search("zon", 1, ["nl"], only=np.array([], dtype=np.int64)) == []
    assert len(index.search("zon", 50, ["nl"], without=np.array([], dtype=np.int64))) == 30


def test_the_best_come_first_and_no_more_than_asked(tmp_path: Path) -> None:
    index = build(tmp_path, *((("zon " * n) + "wind water aarde vuur", "nl") for n in range(20)))
    hits = index.search("zon", 5, ["nl"])
    scores = [hit.score for hit in hits]
    assert len(hits) == 5
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0


def test_rows_taken_out_are_gone_and_the_linked_original_is_untouched(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    original = build(old, ("omzet een", "nl"), ("omzet twee", "nl"), ("omzet drie", "nl"))
    before = {path.name: sha256_of(path) for path in old.iterdir() if path.name not in LOCK_FILES}
    for name in before:
        link_or_copy(old / name, new / name)
    writer = LexicalWriter(new)
    writer.delete(0)
    writer.delete(2)
    writer.add(3, "omzet vier", "nl")
    writer.commit()
    assert {path.name: sha256_of(path) for path in old.iterdir() if path.name not in LOCK_FILES} == before
    assert not LOCK_FILES & {path.name for path in new.iterdir()}
    assert sorted(rows(LexicalIndex(new), "omzet")) == [1, 3]
    assert sorted(rows(original, "omzet")) == sorted(rows(LexicalIndex(old), "omzet")) == [0, 1, 2]


def test_equal_rows_of_two_indexes_score_alike_when_half_of_one_was_replaced(tmp_path: Path) -> None:
    texts = [f"{'wind' if n % 4 else 'water'} nummer{n}" for n in range(40)]
    for name in ("as it was", "half replaced"):
        (tmp_path / name).mkdir()
        build(tmp_path / name, *((text, "nl") for text in texts))
    writer = LexicalWriter(tmp_path / "half replaced")
    for n in range(20):
        writer.delete(n)
        writer.add(100 + n, texts[n], "nl")
    writer.commit()
    indexes = [LexicalIndex(tmp_path / name) for name in ("as it was", "half replaced")]
    for query in ("wind", "water"):
        one, other = (index.statistics(query, ["nl"]) for index in indexes)
        found = [index.search(query, 50, ["nl"], one + other) for index in indexes]
        assert len(found[0]) == len(found[1]) == sum(text.startswith(query) for text in texts)
        assert [hit.score for hit in found[0]] == pytest.approx([hit.score for hit in found[1]], rel=1e-5)


def test_nothing_counts_before_commit(tmp_path: Path) -> None:
    build(tmp_path, ("omzet", "nl"))
    writer = LexicalWriter(tmp_path)
    writer.add(1, "omzet", "nl")
    writer.delete(0)
    assert rows(LexicalIndex(tmp_path), "omzet") == [0]


def test_a_folder_that_is_no_index_is_damage(tmp_path: Path) -> None:
    with pytest.raises(DamagedIndexError, match="not a full-text index"):
        LexicalIndex(tmp_path)
    (tmp_path / "meta.json").write_bytes(b"{}")
    with pytest.raises(DamagedIndexError, match="not a full-text index"):
        LexicalWriter(tmp_path)
