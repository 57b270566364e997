"""The words of a text as the full-text index has them: stemmed in its language, and in exact forms.

Both have numbers in one notation. Among the stems are the parts of compounds; among the exact forms codes without their signs.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import tantivy

from ragfactory.store.compounds import LANGUAGES as COMPOUNDING
from ragfactory.store.compounds import SHORTEST, parts, words_within
from ragfactory.store.function_words import function_words
from ragfactory.store.notation import codes, one_notation

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 3  # raise it when the same text would have other words in the index

# tantivy's own names of the Snowball stemmers and stop-word lists, by ISO 639-1 code.
LANGUAGES = {"nl": "dutch", "de": "german", "fr": "french", "en": "english"}

_LONGEST = 100  # bytes of a word
_WORD = r"\d+\.\d+|[\p{L}\p{N}\p{M}]+"
_COMPOUND = re.compile(rf"[^\W\d_]{{{SHORTEST},}}")  # what may be one


@cache
def analyzer(language: str | None) -> Any:
    """Tantivy's analyzer for the words of a language, or, with None, for exact forms."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(_WORD))
    builder = builder.filter(tantivy.Filter.remove_long(_LONGEST)).filter(tantivy.Filter.lowercase())
    if language is not None:
        name = LANGUAGES[language]
        builder = builder.filter(tantivy.Filter.stopword(name)).filter(tantivy.Filter.stemmer(name))
    return builder.filter(tantivy.Filter.ascii_fold()).build()


@cache
def looked_past(language: str | None, known: tuple[str, ...]) -> frozenset[str]:
    """The function words of a language as `analyzer(language)` gives them; with None those of all `known` languages."""
    spoken = known if language is None else (language,)
    return frozenset(analyzer(language).analyze(" ".join(word for each in spoken for word in function_words(each))))


def with_parts(text: str, language: str | None) -> str:
    """What `analyzer(language)` is given of a text: numbers in one notation, and after it the words within its compounds."""
    return " ".join((one_notation(text), *compound_parts(text, language)))


def with_codes(text: str) -> str:
    """What `analyzer(None)` is given of a text: numbers in one notation, and after it its codes without their signs."""
    return " ".join((one_notation(text), *codes(text)))


def compound_parts(text: str, language: str | None) -> list[str]:
    """The words that all compounds in a text are found by, in the order of the compounds."""
    if language not in COMPOUNDING:
        return []
    return [part for word in _COMPOUND.findall(text.lower()) for part in words_within(word, language)]


def taken_apart(text: str, language: str | None) -> str:
    """The text with the parts of each compound in its place, in lower case."""
    if language not in COMPOUNDING:
        return text
    return _COMPOUND.sub(lambda word: " ".join(parts(word[0].lower(), language)) or word[0], text)


def stems(text: str, languages: Sequence[str], *, parts: bool = True) -> set[str]:
    """What is looked up for `text`: its words as the index has them, stop words left out where a language is known. With `parts`,
    the words within its compounds too.
    """
    known: list[str | None] = [language for language in languages if language in LANGUAGES]
    return {
        stem
        for language in known or [None]
        for stem in analyzer(language).analyze(with_parts(text, language) if parts else one_notation(text))
    }
