"""What Dutch and German nouns an inflected form may be of, by rule. Some are forms that there are not: those do no harm."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VOICELESS = {"z": "s", "v": "f"}
_UMLAUTS = str.maketrans("äöü", "aou")
_UMLAUT = re.compile("(?:[äö]|(?<!a)ü)(?=[^aou]*$)|ä(?=u[^aou]*$)")  # of the last a, o, u or au of a word


def nouns(form: str, language: str) -> Iterator[str]:
    """All that a lower-case text would be an inflected form of, whether there are such words or not; `language` is nl or de."""
    return _dutch(form) if language == "nl" else _german(form)


def _dutch(form: str) -> Iterator[str]:
    if form.endswith("a"):
        yield f"{form[:-1]}um"
    if not form.endswith(("e", "n", "s")):
        return
    yield from _without(form, "e", "en", "s", "je", "jes", "tje", "tjes")
    yield from (word for word in _without(form, "n", "ën") if word.endswith("e"))
    if form.endswith("heden"):
        yield f"{form[:-5]}heid"
    opened = form.removesuffix("n")
    if opened.endswith("e") and len(opened) > 2 and opened[-2] not in "aeiouwx":
        yield from _closed(opened[:-2], opened[-2])


def _closed(stem: str, last: str) -> Iterator[str]:
    """Dutch words whose end is spelt otherwise without an ending: with two vowels, with one consonant, or voiceless."""
    vowel, voiceless = stem[-1], _VOICELESS.get(last)
    if vowel == last:
        yield stem  # vakken, vak
    if vowel in "aeou":
        yield f"{stem}{vowel}{last}"  # jaren, jaar
    if voiceless and vowel in "aeou":
        yield f"{stem}{vowel}{voiceless}"  # kazen, kaas
    if voiceless and (vowel not in "aeou" or stem[-2:-1] != vowel):
        yield f"{stem}{voiceless}"  # prijzen, prijs


def _german(form: str) -> Iterator[str]:
    if form.endswith(("e", "n", "r", "s")):
        yield from _without(form, "s")
        yield from (word for word in _without(form, "n") if word.endswith(("e", "el", "er")))
        yield from (word for word in _without(form, "e", "en", "er", "ern", "es") if not word.endswith("e"))
        yield from (word for word in _without(form, "nen") if word.endswith("in"))
        yield from (word for word in _without(form, "se", "sen", "ses") if word.endswith("s"))
        yield from (f"{stem}um" for stem in _without(form, "en"))
    if "ä" in form or "ö" in form or "ü" in form:
        for stem in (form, *_without(form, "e", "en", "er", "ern", "n")):
            for umlaut in _UMLAUT.finditer(stem):
                yield stem[: umlaut.start()] + umlaut[0].translate(_UMLAUTS) + stem[umlaut.end() :]


def _without(form: str, *endings: str) -> list[str]:
    return [form[: -len(ending)] for ending in endings if form.endswith(ending)]
