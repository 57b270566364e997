"""What a query says of the documents it is about: years, document types and names that occur in the indexes' metadata."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ragfactory.retrieval.masks import Mask
    from ragfactory.store.documents import Identity
    from ragfactory.store.layout import IndexName
    from ragfactory.store.records import DocumentRecord
    from ragfactory.store.version import Version

    Kind: TypeAlias = Literal["year", "type", "name"]
    Words: TypeAlias = tuple[str, ...]

_WORD = re.compile(r"\w+")
_POINT = re.compile(r"(?<=\b\w)\.(?=\w?\b)")
_NO_LETTERS = re.compile(r"[_\d]+")
_IN_TITLE = re.compile(r"[\w.&'’-]+")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_NO_NAMES = frozenset(
    {"topics", "period", "years"}
)  # metadata that says what a document is about, in words that any may have
_NO_YEAR: Final[tuple[Literal["year"], tuple[str, ...]]] = ("year", ())
_LEGAL_FORMS = frozenset(
    ["bv", "nv", "vof", "cv", "gmbh", "ag", "kg", "ohg", "sa", "sarl", "sas", "ltd", "llc", "inc", "plc"]
)
_JOINING = frozenset(
    [
        "de",
        "den",
        "der",
        "het",
        "van",
        "von",
        "zu",
        "du",
        "des",
        "la",
        "le",
        "les",
        "et",
        "en",
        "und",
        "of",
        "the",
        "and",
    ]
)
_LONGEST_NAME = 8  # words
_SHORTEST_NAME = 3  # letters of a name of one word


@dataclass(frozen=True, slots=True)
class Understood:
    """A year, a document type or a name that a query names, and how many documents have it."""

    kind: Kind
    value: str
    documents: int


class Vocabulary:
    """The years, types and names of the documents of open versions. Names are strings of the metadata, and what stands out in
    titles and file names; one that more than half of the documents have tells nothing.
    """

    def __init__(self, versions: Mapping[IndexName, Version]) -> None:
        self._versions = versions
        found: dict[tuple[Kind, Words], list[tuple[IndexName, DocumentRecord]]] = defaultdict(list)
        total = 0
        for name, version in versions.items():
            for document in version.documents.values():
                total += 1
                for key in set(_said_by(document)):
                    found[key].append((name, document))
        self._documents = {
            key: documents
            for key, documents in found.items()
            if key[0] != "name" or 2 * len(documents) <= max(total, 2)
        }
        self._shares: dict[tuple[Kind, Words], dict[IndexName, Mask]] = {}

    def understand(self, query: str) -> tuple[Understood, ...]:
        """The years, types and names in a query; of names within one another the longest."""
        return tuple(
            Understood(kind, " ".join(words), len(self._documents[kind, words]))
            for kind, words in dict.fromkeys(self._keys(query))
        )

    def documents(self, understood: Iterable[Understood]) -> dict[IndexName, set[Identity]]:
        """The documents that have a value of every kind that is understood, by the index they are in."""
        by_kind: dict[Kind, set[tuple[IndexName, Identity]]] = defaultdict(set)
        for entry in understood:
            found = self._documents[entry.kind, tuple(entry.value.split())]
            by_kind[entry.kind] |= {(name, (document.root, document.path)) for name, document in found}
        documents: dict[IndexName, set[Identity]] = {name: set() for name in self._versions}
        for name, key in set.intersection(*by_kind.values()):
            documents[name].add(key)
        return documents

    def rows(self, understood: Iterable[Understood]) -> dict[Kind, dict[IndexName, Mask]]:
        """By kind, the rows (n,) bool by row id, of documents that have one of the values understood.

        With a year come those of documents that name no year at all, which may as well be about the one meant.
        """
        by_kind: dict[Kind, dict[IndexName, Mask]] = {}
        for entry in understood:
            masks = self._masks((entry.kind, tuple(entry.value.split())))
            undated = entry.kind == "year" and _NO_YEAR in self._documents
            before = by_kind.setdefault(entry.kind, self._masks(_NO_YEAR) if undated else masks)
            by_kind[entry.kind] = {name: before[name] | mask for name, mask in masks.items()}
        return by_kind

    def _keys(self, query: str) -> Iterator[tuple[Kind, Words]]:
        for year in dict.fromkeys(_YEAR.findall(query)):
            if ("year", (year,)) in self._documents:
                yield "year", (year,)
        words = plain_words(query)
        start = 0
        while start < len(words):
            longest = range(min(_LONGEST_NAME, len(words) - start), 0, -1)
            phrases = (words[start : start + length] for length in longest)
            found = next(((key, phrase) for phrase in phrases if (key := self._key_of(phrase))), None)
            if found:
                yield found[0]
            start += len(found[1]) if found else 1

    def _key_of(self, phrase: Words) -> tuple[Kind, Words] | None:
        document_type = _type_names().get(phrase, "_".join(phrase))
        if len(self._versions) > 1 and ("type", (document_type,)) in self._documents:
            return "type", (document_type,)
        return ("name", phrase) if ("name", phrase) in self._documents else None

    def _masks(self, key: tuple[Kind, Words]) -> dict[IndexName, Mask]:
        if key not in self._shares:
            from ragfactory.retrieval.masks import rows_of  # NumPy comes with it, and only a preference needs it

            self._shares[key] = {
                index: rows_of(version, (document for name, document in self._documents[key] if name == index))
                for index, version in self._versions.items()
            }
        return self._shares[key]


@lru_cache(maxsize=4096)  # an author, a company and the words of titles come again in document after document
def plain_words(text: str) -> Words:
    """The words of a text without case, accents, legal forms and the points of initials."""
    if "." in text:
        text = _POINT.sub("", text)
    folded = text.casefold()
    if not folded.isascii():
        folded = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    return tuple(word for word in _WORD.findall(folded) if word not in _LEGAL_FORMS)


def _said_by(document: DocumentRecord) -> Iterator[tuple[Kind, Words]]:
    years = document.metadata.get("years") or []
    for year in years if isinstance(years, list) else [years]:
        yield "year", (str(year),)
    if not years:
        yield _NO_YEAR
    yield "type", (document.document_type,)
    for words in _names(document):
        if _may_be_name(words):
            yield "name", words


def _may_be_name(words: Words) -> bool:
    """Whether it is no longer than names are, and does not begin or end with a small word."""
    if not 0 < len(words) <= _LONGEST_NAME or words[0] in _JOINING or words[-1] in _JOINING:
        return False
    return len(words) > 1 or len(words[0]) >= _SHORTEST_NAME


def _names(document: DocumentRecord) -> Iterator[Words]:
    types = _type_names()
    for value in (value for key, value in document.metadata.items() if key not in _NO_NAMES):
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                yield plain_words(text)
    for run in _capitalised(document.title or ""):
        yield plain_words(run)
    stem = document.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    in_file_name = tuple(word for word in plain_words(_NO_LETTERS.sub(" ", stem)) if (word,) not in types)
    for cut in range(len(in_file_name)):
        yield in_file_name[cut:]
        yield in_file_name[: cut + 1]


def _capitalised(title: str) -> Iterator[str]:
    """The runs of two or more words with a capital letter in a title, small words between them included; types left out."""
    run: list[str] = []
    for word in (*_IN_TITLE.findall(title), ""):
        if (word[:1].isupper() and plain_words(word) not in _type_names()) or (run and word.casefold() in _JOINING):
            run.append(word)
        else:
            while run and run[-1].casefold() in _JOINING:
                run.pop()
            if len(run) > 1:
                yield " ".join(run)
            run = []


@cache
def _type_names() -> dict[Words, str]:
    """What the shipped document types are called in nl, de, fr and en, one word or more."""
    names: dict[Words, str] = {}
    for line in files("ragfactory.retrieval").joinpath("type_names.txt").read_text(encoding="utf-8").splitlines():
        document_type, _, called = line.partition(":")
        names |= {plain_words(name): document_type for name in called.split(",")}
    return names
