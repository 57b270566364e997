"""The names that a document has: strings of its metadata, and what stands out in its title and file name."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Words: TypeAlias = tuple[str, ...]

_WORD = re.compile(r"\w+")
_POINT = re.compile(r"(?<=\b\w)\.(?=\w?\b)")
_NO_LETTERS = re.compile(r"[_\d]+")
_IN_TITLE = re.compile(r"[\w.&'’-]+")
_NO_NAMES = frozenset(["topics", "period", "years"])  # metadata in words that any document may have
_LEGAL_FORMS = frozenset(
    ["bv", "nv", "vof", "cv", "gmbh", "ag", "kg", "ohg", "sa", "sarl", "sas", "ltd", "llc", "inc", "plc"]
)
# fmt: off
_JOINING = frozenset(
    ["de", "den", "der", "het", "van", "von", "zu", "du", "des", "la", "le", "les", "et", "en", "und", "of", "the", "and"]
)
# fmt: on
LONGEST_NAME = 8  # words
_SHORTEST_NAME = 3  # letters of a name of one word


def names_of(path: str, title: str | None, metadata: Mapping[str, object]) -> Iterator[Words]:
    """The names of a document, as plain words; one may come several times."""
    return filter(may_be_name, _names(path, title, metadata))


def may_be_name(words: Words) -> bool:
    """Whether it is no longer than names are, and does not begin or end with a small word."""
    if not 0 < len(words) <= LONGEST_NAME or words[0] in _JOINING or words[-1] in _JOINING:
        return False
    return len(words) > 1 or len(words[0]) >= _SHORTEST_NAME


@lru_cache(maxsize=4096)  # an author, a company and the words of titles come again in document after document
def plain_words(text: str) -> Words:
    """The words of a text without case, accents, legal forms and the points of initials."""
    if "." in text:
        text = _POINT.sub("", text)
    folded = text.casefold()
    if not folded.isascii():
        folded = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    return tuple(word for word in _WORD.findall(folded) if word not in _LEGAL_FORMS)


@cache
def type_names() -> dict[Words, str]:
    """What the shipped document types are called in nl, de, fr and en, one word or more."""
    names: dict[Words, str] = {}
    for line in files("ragfactory.documents").joinpath("type_names.txt").read_text(encoding="utf-8").splitlines():
        document_type, _, called = line.partition(":")
        names |= {plain_words(name): document_type for name in called.split(",")}
    return names


def _names(path: str, title: str | None, metadata: Mapping[str, object]) -> Iterator[Words]:
    types = type_names()
    for value in (value for key, value in metadata.items() if key not in _NO_NAMES):
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                yield plain_words(text)
    for run in _capitalised(title or ""):
        yield plain_words(run)
    stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    in_file_name = tuple(word for word in plain_words(_NO_LETTERS.sub(" ", stem)) if (word,) not in types)
    for cut in range(len(in_file_name)):
        yield in_file_name[cut:]
        yield in_file_name[: cut + 1]


def _capitalised(title: str) -> Iterator[str]:
    """The runs of two or more words with a capital letter in a title, small words between them included; types left out."""
    run: list[str] = []
    for word in (*_IN_TITLE.findall(title), ""):
        if (word[:1].isupper() and plain_words(word) not in type_names()) or (run and word.casefold() in _JOINING):
            run.append(word)
        else:
            while run and run[-1].casefold() in _JOINING:
                run.pop()
            if len(run) > 1:
                yield " ".join(run)
            run = []
