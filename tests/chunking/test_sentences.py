from __future__ import annotations

import pytest

from ragfactory.chunking.boundaries import sentences


def cut(text):
    return [text[start:end] for start, end in sentences(text, 0, len(text))]


@pytest.mark.parametrize(
    "expected",
    [
        ["De omzet steeg.", "De kosten daalden!", "Waarom?", "Dat is onbekend…", "Einde"],
        ["Acme B.V. te Utrecht bezit gebouwen, bijv. Kantoor Noord.", "De heer J. Jansen tekent."],
        ["De waarde is € 1.577,00 per 31 december 2023.", "In 2022 was dit 1.200."],
        ["Das gilt z.B. Nach § 5 Abs. 2 HGB.", "Am 3. März folgte der Abschluss."],
        ["Mme. Dupont est arrivée (voir p. 12).", "« Bonjour ! » dit-elle."],
        ['He said "stop."', "Then he left, approx. 5 p.m. on Mr. Smith's watch."],
        ["Versie 2.0 is uit. en wordt niet hier gesplitst"],
        ["Zonder punt", "Na een lege regel"],
    ],
)
def test_sentences(expected):
    separator = "\n \n" if expected[0] == "Zonder punt" else " "
    assert cut(separator.join(expected)) == expected


def test_a_stretch_is_cut_by_itself():
    text = "Een. Twee. Drie."
    assert [text[start:end] for start, end in sentences(text, 5, 10)] == ["Twee."]
