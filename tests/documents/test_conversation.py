from __future__ import annotations

import pytest

from ragfactory.documents.conversation import find_turns

PLAIN = "Coach: Hoe gaat het?\nUser: Goed.\nCoach: Mooi.\nUser: Dank je."
SPACED = "Coach: Hoe gaat het?\n\nUser: Goed.\nMijn doel: afvallen.\n\nCoach: Mooi.\n\nUser: Dank je."
NAMES = "Jan de Vries: a\nM. O'Neil-Smit: b\nJan de Vries: c\nM. O'Neil-Smit: d\nVoorzitter: e"
WHATSAPP = (
    "12-03-2024 14:00 - Berichten zijn versleuteld.\n12-03-2024 14:05 - Jan: Hoi\nnog iets: dit\n"
    "12-03-2024 14:06 - +31 6 12345678: Ja\n12-03-2024 14:07 - Jan: ok\n12-03-2024 14:08 - +31 6 12345678: doei"
)
WHATSAPP_IOS = (
    "[12-03-2024, 14:05:33] Jan: a\n\u200e[12-03-2024, 14:05:34] An: b\n"
    "[12-03-2024, 14:06:33] Jan: c\n[12-03-2024, 14:07:33] An: d"
)
LOG = (
    "[2024-03-12 14:05:33] app.ERROR: a\n[2024-03-12 14:05:34] app.INFO: b\n"
    "[2024-03-12 14:05:35] app.ERROR: c\n[2024-03-12 14:05:36] app.INFO: d"
)
TIMED = "[00:12:31] Coach: a\n00:12:40 Cliënt: b\n(00:13) Coach: c\n00:14:50 Cliënt: d"
OFFICES = "The Chair (Hon. A. Rota (Nipissing, Lib.)): a\nMary Ng (Minister): b\nThe Chair: c\nMary Ng: d"
WRAPPED = "Coach: Dit is een lange beurt\ndie over drie regels\nloopt.\nJan: En deze ook,\nin twee regels.\n" * 4
BOLD = "**Coach:** a\n\n**Jan:** b\n\n**Coach:** c\n\n**Jan:** d"


@pytest.mark.parametrize(
    ("text", "speakers"),
    [
        (PLAIN, ["Coach", "User", "Coach", "User"]),
        (SPACED, ["Coach", "User", "Coach", "User"]),
        (NAMES, ["Jan de Vries", "M. O'Neil-Smit", "Jan de Vries", "M. O'Neil-Smit", "Voorzitter"]),
        (WHATSAPP, [None, "Jan", "+31 6 12345678", "Jan", "+31 6 12345678"]),
        (WHATSAPP_IOS, ["Jan", "An", "Jan", "An"]),
        (TIMED, ["Coach", "Cliënt", "Coach", "Cliënt"]),
        (OFFICES, ["The Chair", "Mary Ng", "The Chair", "Mary Ng"]),
        (WRAPPED, ["Coach", "Jan"] * 4),
        (BOLD, ["Coach", "Jan", "Coach", "Jan"]),
    ],
)
def test_speakers(text: str, speakers: list[str | None]) -> None:
    assert [turn.speaker for turn in find_turns(text.split("\n"))] == speakers


def test_a_turn_holds_its_continuation_lines() -> None:
    lines = WHATSAPP.split("\n")
    turn = find_turns(lines)[1]
    assert lines[turn.first : turn.last] == ["12-03-2024 14:05 - Jan: Hoi", "nog iets: dit"]


def test_a_preamble_belongs_to_no_turn() -> None:
    lines = ["Verslag van het gesprek", *PLAIN.split("\n")]
    assert find_turns(lines)[0].first == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Betreft: offerte\nDatum: 12 maart\nKenmerk: 2024-1\n\nGeachte heer,\n\nHierbij de offerte.\n\nMet groet,\nJan",
        "Naam: Jan\nBeoordeling: 5\nTekst: goed\n\nNaam: Piet\nBeoordeling: 4\nTekst: slecht",
        "Een verhaal.\nJan zei: hoi.\nPiet zei: dag.\nJan zei: doei.\nPiet zei: ja.\n"
        + "Gewone tekst zonder sprekers.\n" * 20,
        LOG,
        "Coach: een monoloog\nCoach: zonder antwoord\nCoach: gaat door",
        "https://a.nl\nhttps://b.nl\nhttps://a.nl\nhttps://b.nl",
    ],
)
def test_what_is_no_conversation(text: str) -> None:
    assert find_turns(text.split("\n")) == ()
