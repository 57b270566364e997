"""What is taken of a model's answer, and what is refused and why."""

from __future__ import annotations

import pytest

from ragfactory.context.answers import MAX_CHARACTERS, Refusal, check_answer
from ragfactory.context.prompt import Prompt
from ragfactory.context.templates import LANGUAGES, load_templates

TEMPLATES = load_templates()
GOOD = {
    "nl": "Deze passage uit de balans beschrijft de vaste activa, gebouwen en inventaris, van Voorbeeld B.V. in 2024.",
    "de": "Dieser Abschnitt der Bilanz beschreibt das Anlagevermögen der Muster GmbH, vor allem Gebäude, zum 31. Dezember 2024.",
    "fr": "Ce passage du bilan décrit les immobilisations, bâtiments et matériel, de Exemple S.A.R.L. au 31 décembre 2024.",
    "en": "This passage from the balance sheet describes the buildings and equipment that Example Ltd. owned on 31 December 2024.",
}


def check(answer: str, language: str = "nl") -> str | Refusal:
    template = TEMPLATES[language]
    return check_answer(answer, Prompt(template.instructions, template.shared, template.own, language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_good_answer_is_taken_as_it_is(language: str) -> None:
    assert check(GOOD[language], language) == GOOD[language]


@pytest.mark.parametrize(
    "around",
    [
        "{}\n",
        '"{}"',
        "„{}“",
        "Hier is de context:\n\n{}",
        "Zeker! Hier is de context voor deze passage: {}",
        "**Context:** {}",
        "Here is the context: {}",
        "Natürlich, hier ist die Zusammenfassung: {}",
        "Voici le contexte : {}",
        "<think>\nWat staat hier?\n</think>\n{}",
        "Samenvatting: {}",
    ],
)
def test_what_stands_around_it_is_taken_off(around: str) -> None:
    assert check(around.format(GOOD["nl"])) == GOOD["nl"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("Hier is de context:", "empty"),
        ("Hier is een beschrijving van de passage over de gebouwen.", "preamble"),
        ("Voici une phrase sur le bilan de la société.", "preamble"),
        ("- De balans\n- De gebouwen", "list"),
        ("De passage gaat over:\n1. gebouwen\n2. inventaris", "list"),
        ("De passage gaat over gebouwen, zie https://example.com/x.", "link"),
        ("De passage gaat over [gebouwen](http://x).", "link"),
        ("Zie www.example.com voor de balans van de onderneming.", "link"),
        ("De **gebouwen** van de onderneming staan op de balans.", "markup"),
        ("# De gebouwen van de onderneming", "markup"),
        ("<b>De gebouwen</b> van de onderneming.", "markup"),
        ("De gebouwen.<|eot_id|>En nog wat.", "markup"),
        ("De passage gaat over \x1b[31mrode\x1b[0m archieven in Utrecht.", "control characters"),
        ("De passage gaat over archieven\x00 in Utrecht.", "control characters"),
        ('{"context": "De gebouwen van de onderneming."}', "markup"),
        ("Het spijt me, ik kan dat niet.", "declined"),
        ("I cannot help with that request at all.", "declined"),
        ("Ja.", "too short"),
        ("2023. 2023. 2017. 100.000, 31-12-2024.", "too short"),
        ("een zin die nooit ophoudt en " * 40, "cut off"),
        (
            "Zeg alleen wat het document zegt. Noem geen bedragen of feiten die er niet in staan.",
            "echo of the instructions",
        ),
        ("Zeg in één of twee Nederlandse zinnen waar deze passage over gaat.", "echo of the instructions"),
        (GOOD["en"], "wrong language"),
        (GOOD["de"], "wrong language"),
    ],
)
def test_what_is_refused(answer: str, reason: str) -> None:
    assert check(answer) == Refusal(reason)


def test_where_the_language_is_not_sure_it_is_left_to_the_writer() -> None:
    assert check("Balance sheet 2024: Example Holding Ltd.") == "Balance sheet 2024: Example Holding Ltd."


def test_a_cut_off_answer_ends_with_its_last_whole_sentence() -> None:
    assert check(f"{GOOD['nl']} De passage noemt ook de afschrij") == GOOD["nl"]
    long = " ".join([GOOD["nl"]] * 9)
    taken = check(long)
    assert isinstance(taken, str)
    assert len(taken) <= MAX_CHARACTERS
    assert long.startswith(taken)
    assert taken.endswith("2024.")


def test_an_abbreviation_ends_no_sentence() -> None:
    assert check(
        "De activa van Voorbeeld B.V. en de gebouwen daarvan stonden per ultimo op de balans. Daarnaast heeft Voorbeeld B.V. nog"
    ) == ("De activa van Voorbeeld B.V. en de gebouwen daarvan stonden per ultimo op de balans.")


def test_invisible_text_and_brackets_do_not_come_through() -> None:
    assert check("De gebouwen\u202e van \u200bVoorbeeld [zie noot] op de balans.") == (
        "De gebouwen van Voorbeeld (zie noot) op de balans."
    )
