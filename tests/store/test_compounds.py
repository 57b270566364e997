"""Compounds taken apart: by known parts, by one that is not known, and words that are none."""

from __future__ import annotations

from importlib.resources import files

import pytest

from ragfactory.store.compounds import LANGUAGES, parts, words_within
from ragfactory.store.compounds.inflection import nouns


@pytest.mark.parametrize(
    ("language", "word", "expected"),
    [
        ("nl", "huurprijs", "huur prijs"),
        ("nl", "huurprijzen", "huur prijzen"),
        ("nl", "beveiligingssystemen", "beveiliging systemen"),
        ("nl", "expertisecentrum", "expertise centrum"),
        ("nl", "arbeidsongeschiktheid", "arbeid ongeschiktheid"),
        ("nl", "zorgverzekering", "zorg verzekering"),
        ("nl", "afschrijvingspercentage", "afschrijving percentage"),
        ("nl", "kampeerplaatsen", "kampeer plaatsen"),
        ("nl", "schoonmaakkosten", "schoonmaak kosten"),
        ("nl", "klachtenafhandeling", "klacht afhandeling"),
        ("nl", "tussenrekening", "tussen rekening"),
        ("de", "krankenversicherung", "kranken versicherung"),
        ("de", "haltestelle", "halte stelle"),
        ("de", "mehrwertsteuer", "mehrwert steuer"),
        ("de", "pensionsrückstellungen", "pension rückstellungen"),
        ("de", "steuerverbindlichkeiten", "steuer verbindlichkeiten"),
        ("de", "vermögensgegenstände", "vermögen gegenstände"),
    ],
)
def test_a_compound_of_known_words_is_taken_apart(language: str, word: str, expected: str) -> None:
    assert parts(word, language) == words_within(word, language) == tuple(expected.split())


@pytest.mark.parametrize(
    ("language", "word", "expected"),
    [
        ("nl", "rariteitenkabinet", "rariteiten kabinet"),
        ("nl", "bekrachtigingskosten", "bekrachtiging kosten"),
        ("nl", "terrorismebestrijding", "terrorisme bestrijding"),
        ("nl", "verkeersdoorstroming", "verkeer doorstroming"),
        ("nl", "gebruikersinterfaces", "gebruiker interfaces"),
        ("nl", "contractgeschenken", "contract geschenken"),
        ("de", "fledermausversicherung", "fledermaus versicherung"),
        ("de", "kaninchenhaltungskosten", "kaninchen haltung kosten"),
        ("de", "vermögensabschöpfung", "vermögen abschöpfung"),
    ],
)
def test_one_part_may_be_unknown(language: str, word: str, expected: str) -> None:
    assert parts(word, language) == tuple(expected.split())


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "nl",
            "waarderen waardering jaarlijks jaarlijkse werkelijk werkelijkheid landelijk landelijke kantoor kantoren voorraden",
        ),
        (
            "nl",
            "betaling betalingen verzekeraars gebruikers bestuurders maatschappelijk gevaarlijk persoonlijkheid onverwachts",
        ),
        (
            "nl",
            "algoritmische identificeren installeren overeenkomsten organisatorische waterschappen uitgevallen werkloosheid",
        ),
        (
            "de",
            "ausgaben leistungen wirtschaftlich wirtschaftlichkeit unternehmerisch jährlich gewöhnlich gesellschaften",
        ),
        (
            "de",
            "pharmazeutischen demografische zurückgegebenen vollständigkeit veröffentlichen organisatorisch aufgehalten",
        ),
        ("en", "healthcare housekeeping rent personeelskosten"),
    ],
)
def test_what_is_no_compound_stays_whole(language: str, words: str) -> None:
    assert {word: parts(word, language) for word in words.split()} == dict.fromkeys(words.split(), ())


@pytest.mark.parametrize(
    ("language", "word", "expected"),
    [
        (
            "nl",
            "besluitvormingssystemen",
            ("besluit", "vorming", "systemen", "besluitvorming", "vormingssystemen"),
        ),
        (
            "nl",
            "arbeidsongeschiktheidsverzekering",
            ("arbeid", "ongeschiktheid", "verzekering", "arbeidsongeschiktheid", "ongeschiktheidsverzekering"),
        ),
        ("de", "umsatzsteuererklärung", ("umsatz", "steuer", "erklärung", "umsatzsteuer", "steuererklärung")),
    ],
)
def test_a_compound_of_three_parts_is_found_by_two_of_them(language: str, word: str, expected: tuple[str, ...]) -> None:
    assert words_within(word, language) == expected
    assert parts(word, language) == expected[:3]


@pytest.mark.parametrize(
    "word", ["", "kosten", "a" * 61, "kosten" * 10, "kosten" * 11, "ſſſſſſſſ", "счетфактура", "ĳĳĳĳĳĳĳĳ"]
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_any_text_may_be_asked_for(language: str, word: str) -> None:
    assert all(part and part in word for part in words_within(word, language))


@pytest.mark.parametrize(
    ("language", "word", "expected"),
    [
        ("nl", "matenstelsel", "mate stelsel"),  # mate and n, not mat and en
        ("nl", "zonenplan", "zone plan"),
        ("de", "ratenzahlung", "rate zahlung"),  # rate and n, not rat and en
        ("de", "tagesgeld", "tage geld"),
        ("de", "häusermarkt", "häuser markt"),
    ],
)
def test_of_words_that_are_alike_with_their_links_the_longer_is_a_part(language: str, word: str, expected: str) -> None:
    assert parts(word, language) == tuple(expected.split())


@pytest.mark.parametrize(
    ("language", "word", "inflected"),
    [
        ("nl", "systeem", "systeme systemen systeemen systeems"),
        ("nl", "prijs", "prijzen prijze prijsje prijsjes prijsen prijssen"),
        ("nl", "kaas", "kazen kasen kaze"),
        ("nl", "brief", "brieven brieve"),
        ("nl", "vak", "vakken vakke vakje"),
        ("nl", "omstandigheid", "omstandigheden"),
        ("nl", "museum", "musea museums"),
        ("nl", "uur", "uren uurtje uurtjes"),
        ("nl", "zee", "zeeën zeeen"),
        ("nl", "ziekte", "ziekten ziektes"),
        ("de", "grundstück", "grundstücke grundstücken grundstücks grundstückes"),
        ("de", "vorrat", "vorräte vorräten vorrats"),
        ("de", "haus", "häuser häusern hauses hausses haussen"),
        ("de", "baum", "bäume bäumen"),
        ("de", "amt", "ämter"),
        ("de", "vater", "väter vätern vatern"),
        ("de", "gebäude", "gebäuden gebäudes"),
        ("de", "zentrum", "zentren"),
        ("de", "zeugnis", "zeugnisse zeugnissen"),
        ("de", "mieterin", "mieterinnen"),
    ],
)
def test_words_are_known_in_their_forms(language: str, word: str, inflected: str) -> None:
    assert [form for form in inflected.split() if word not in nouns(form, language)] == []


@pytest.mark.parametrize(
    ("language", "word", "others"),
    [
        ("nl", "kaas", "kaas kaazen kazenen kaa"),
        ("nl", "la", "laae laaën laë"),
        ("nl", "prijs", "prijzten prijzes"),
        ("nl", "bedrijf", "bedrijn bedrijfn bedrijfën"),
        ("de", "haus", "hausn hausnen haüs haüser häusses"),
        ("de", "vorrat", "vörrate vörräte vorratn"),
        ("de", "ende", "endee endeer endern"),
    ],
)
def test_other_spellings_are_no_forms(language: str, word: str, others: str) -> None:
    assert [other for other in others.split() if word in nouns(other, language)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_known_words_are_in_lower_case_and_each_once(language: str) -> None:
    words = files("ragfactory.store.compounds").joinpath(f"{language}.txt").read_text(encoding="utf-8").split()
    assert words == sorted({word.lower() for word in words})
    assert len(words) > 2000
    assert all(word.isalpha() and len(word) > 2 for word in words)
