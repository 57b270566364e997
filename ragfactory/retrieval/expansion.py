"""Other wordings of a query: by a language model where there is one, else by rule. The rules know synonyms of a profile, terms of
accounting in the documents' other languages, and parts of compounds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, TypeAlias

from ragfactory.errors import ModelUnavailableError
from ragfactory.store.analysis import taken_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ragfactory.retrieval.rewriting.writers import Rewriter

By: TypeAlias = Literal["llama", "http", "rules"]

_LANGUAGES = ("nl", "de", "fr", "en")  # in the order of the columns of terms.txt


@dataclass(frozen=True, slots=True)
class Expansion:
    """Other wordings of a query, and who found them: a GGUF, a server, or the rules. `note` says why it was the rules where a
    model was asked.
    """

    variants: tuple[str, ...]
    by: By
    note: str | None = None


def expansion(
    query: str,
    count: int,
    languages: Sequence[str],
    synonyms: Iterable[Sequence[str]],
    rewriter: Rewriter | None = None,
) -> Expansion:
    """Up to `count` other wordings of a query, by `rewriter`, or by rule where there is none or nothing useful comes from it.

    `languages` and `synonyms` are as for `variants`. A query too short to tell its language is rewritten in the first of them.
    """
    why = None
    if rewriter is not None:
        from ragfactory.retrieval.rewriting.wording import prompt_for, rewritings

        try:
            if found := rewritings(rewriter.write(prompt_for(query, count, languages)), query, count):
                return Expansion(tuple(found), rewriter.by)
            why = "nothing that a language model wrote is a rewriting"
        except ModelUnavailableError as error:
            why = error.message
    return Expansion(
        tuple(variants(query, count, languages, synonyms)),
        "rules",
        why and f"rewritten by rule, no language model: {why}",
    )


def variants(query: str, count: int, languages: Iterable[str], synonyms: Iterable[Sequence[str]]) -> list[str]:
    """Up to `count` other wordings of a query, the nearest first.

    `languages` are those of the documents, into which terms are translated; each of `synonyms` is a group of words that mean the
    same.
    """
    known = list(dict.fromkeys(languages))
    candidates = [*_by_synonyms(query, synonyms), *_by_language(query, known), *_by_parts(query, known)]
    different = dict.fromkeys(text for text in candidates if text.casefold() != query.casefold())
    return list(different)[:count]


def _by_synonyms(query: str, synonyms: Iterable[Sequence[str]]) -> Iterator[str]:
    for group in synonyms:
        said = next((word for word in sorted(group, key=len, reverse=True) if _whole(word).search(query)), None)
        if said is not None:
            yield from (_replaced(said, other, query) for other in group if other != said)


def _by_language(query: str, languages: Sequence[str]) -> Iterator[str]:
    """The query with its terms of accounting in each of the languages."""
    for language in languages:
        if language not in _LANGUAGES:
            continue
        column = _LANGUAGES.index(language)
        text = query
        for terms in _terms():
            said = next((term for term in terms if _whole(term).search(query)), None)
            if said is not None and not _whole(terms[column]).search(query):
                text = _replaced(said, terms[column], text)
        yield text


def _by_parts(query: str, languages: Sequence[str]) -> Iterator[str]:
    return (taken_apart(query, language) for language in languages)


def _replaced(term: str, other: str, text: str) -> str:
    return _whole(term).sub(lambda _: other, text)


@cache
def _whole(term: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(term)}(?!\w)", re.IGNORECASE)


@cache
def _terms() -> tuple[tuple[str, ...], ...]:
    """The terms of accounting, a row of one in each language; longer ones first, which may hold shorter ones."""
    lines = files("ragfactory.retrieval").joinpath("terms.txt").read_text(encoding="utf-8").splitlines()
    rows = (tuple(term.strip() for term in line.split("|")) for line in lines)
    return tuple(sorted(rows, key=lambda row: -max(map(len, row))))
