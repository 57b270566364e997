"""What a query says of the documents it is about: years, document types and names that occur in the indexes' metadata."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from ragfactory.documents.names import LONGEST_NAME, may_be_name, plain_words, type_names
from ragfactory.store.postings import term

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ragfactory.documents.names import Words
    from ragfactory.retrieval.parts import Row
    from ragfactory.store.documents import Identity
    from ragfactory.store.layout import IndexName
    from ragfactory.store.open_documents import Line
    from ragfactory.store.version import Version

    Kind: TypeAlias = Literal["year", "type", "name"]
    Places: TypeAlias = frozenset[tuple[IndexName, Line]]

_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


@dataclass(frozen=True, slots=True)
class Understood:
    """A year, a document type or a name that a query names, and how many documents have it."""

    kind: Kind
    value: str
    documents: int


class Vocabulary:
    """The years, types and names of the documents of open versions. Names are strings of the metadata, and what stands out in
    titles and file names; one that more than half of the documents have tells nothing.

    What a query names is looked up in the versions' postings, so documents that have none of it are not read.
    """

    def __init__(self, versions: Mapping[IndexName, Version]) -> None:
        self._versions = versions
        self._most = max(sum(version.manifest.documents for version in versions.values()), 2) // 2
        self._found: dict[tuple[str, Words], Places] = {}

    def understand(self, query: str) -> tuple[Understood, ...]:
        """The years, types and names in a query; of names within one another the longest."""
        return tuple(
            Understood(kind, " ".join(words), len(self._places(kind, words)))
            for kind, words in dict.fromkeys(self._keys(query))
        )

    def documents(self, understood: Iterable[Understood]) -> dict[IndexName, set[Identity]]:
        """The documents that have a value of every kind that is understood, by the index they are in."""
        documents: dict[IndexName, set[Identity]] = {name: set() for name in self._versions}
        for name, line in frozenset.intersection(*self._by_kind(understood).values()):
            document = self._versions[name].documents.read(line)
            documents[name].add((document.root, document.path))
        return documents

    def shares(self, understood: Iterable[Understood], rows: Sequence[Row]) -> list[float]:
        """For each row, the share of the kinds that are understood for which one of its documents has a value, 0 to 1.

        For a year, documents count that name no year at all, which may as well be about the one meant.
        """
        by_kind = self._by_kind(understood)
        if "year" in by_kind:
            by_kind["year"] |= self._places("year", ())
        return [self._share(by_kind, name, row_id) for name, row_id in rows]

    def _share(self, by_kind: Mapping[Kind, Places], name: IndexName, row_id: int) -> float:
        holders = {(name, line) for line in self._versions[name].holders(row_id)}
        return sum(not holders.isdisjoint(places) for places in by_kind.values()) / len(by_kind)

    def _by_kind(self, understood: Iterable[Understood]) -> dict[Kind, Places]:
        by_kind: dict[Kind, Places] = defaultdict(frozenset)
        for entry in understood:
            by_kind[entry.kind] |= self._places(entry.kind, tuple(entry.value.split()))
        return by_kind

    def _keys(self, query: str) -> Iterator[tuple[Kind, Words]]:
        for year in dict.fromkeys(_YEAR.findall(query)):
            if self._places("year", (year,)):
                yield "year", (year,)
        words = plain_words(query)
        start = 0
        while start < len(words):
            longest = range(min(LONGEST_NAME, len(words) - start), 0, -1)
            phrases = (words[start : start + length] for length in longest)
            found = next(((key, phrase) for phrase in phrases if (key := self._key_of(phrase))), None)
            if found:
                yield found[0]
            start += len(found[1]) if found else 1

    def _key_of(self, phrase: Words) -> tuple[Kind, Words] | None:
        document_type = type_names().get(phrase, "_".join(phrase))
        if len(self._versions) > 1 and self._places("type", (document_type,)):
            return "type", (document_type,)
        return ("name", phrase) if may_be_name(phrase) and self._places("name", phrase) else None

    def _places(self, kind: Kind, words: Words) -> Places:
        """The documents that have this, where it tells anything."""
        if (kind, words) not in self._found:
            wanted = term(kind, *words)
            found = frozenset((name, line) for name, v in self._versions.items() for line in v.documents.find(wanted))
            if not found:
                return found  # and not kept: most phrases of most queries are no names
            tells = kind != "name" or len(found) <= self._most
            self._found[kind, words] = found if tells else frozenset()
        return self._found[kind, words]
