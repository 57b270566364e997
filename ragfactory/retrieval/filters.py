"""Metadata filters: conditions such as `year=2024`, and whether they hold for a chunk or a document."""

from __future__ import annotations

import operator
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ragfactory.chunking.keys import chunk_key
from ragfactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ragfactory.store.records import ChunkRecord, DocumentRecord, Place
    from ragfactory.store.version import Version

    Scalar = str | int | float | bool

OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~", "!~")

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - every time here is UTC
_DAY = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", re.ASCII)
_FORM = re.compile(r"([^=!<>~]+)([!<>]=|!~|[=<>~])([^=<>~].*)", re.DOTALL)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What a filter asks of one key. `operator` is one of OPERATORS."""

    key: str
    operator: str
    value: str

    def holds(self, values: Iterable[Scalar]) -> bool:
        """Whether it holds for a key that has these values, none, one or several: that is, for any of them.

        `!=` and `!~` hold where `=` and `~` hold for none. A number compares by its size, anything else as text; `~` is a glob over
        the whole text, in which case makes no difference. Raises UsageError for a number compared with something else.
        """
        found = any(map(self._holds_for, values))
        return not found if self.operator.startswith("!") else found

    def _holds_for(self, stored: Scalar) -> bool:
        positive = self.operator.removeprefix("!")
        if positive == "~":
            return fnmatchcase(_text(stored).casefold(), _text(self.value).casefold())
        compare = _COMPARISONS[positive]
        if isinstance(stored, int | float) and not isinstance(stored, bool):
            return compare(stored, self._number())
        return compare(_text(stored), _text(self.value))

    def _number(self) -> float:
        try:
            return float(self.value)
        except ValueError as error:
            raise UsageError(
                f"--filter {self.key}{self.operator}{self.value}: {self.key} is a number, got {self.value!r}",
                hint=f"compare it with a number, as in '{self.key}=10'",
            ) from error


def parse_filter(text: str) -> Condition:
    """The condition that `KEY OP VALUE` says, such as `page<10` or `path~*.pdf`. Raises UsageError, also where `modified` is
    compared with what is no day.
    """
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise UsageError(
            f"--filter: KEY OP VALUE expected, got {text!r}",
            hint=f"OP is one of {' '.join(OPERATORS)}: year=2024, 'page<10', 'path~*.pdf'",
        )
    condition = Condition(form[1].rstrip(), form[2], form[3].lstrip())
    if condition.key == "modified" and "~" not in condition.operator:
        _refuse_impossible_day(condition)
    return condition


def _refuse_impossible_day(condition: Condition) -> None:
    """Raise UsageError where the value is neither a day nor the month or year that a day begins with."""
    written = _DAY.fullmatch(condition.value)
    if written is None or not _is_day(*(int(part or 1) for part in written.groups())):
        raise UsageError(
            f"--filter {condition.key}{condition.operator}{condition.value}: a day as YYYY-MM-DD expected, or YYYY-MM or YYYY,"
            f" got {condition.value!r}",
            hint="as in 'modified>=2024-01-31'; 'modified~2024-*' is every day of a year",
        )


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def refuse_unknown_keys(conditions: Iterable[Condition], versions: Iterable[Version]) -> None:
    """Raise UsageError for a key that means nothing in any document of `versions`."""
    known = {*_OF_DOCUMENT, *_OF_PLACE, *_OF_CHUNK, "year", "years"}
    known.update(key for version in versions for document in version.documents.values() for key in document.metadata)
    for condition in conditions:
        if condition.key not in known:
            raise UsageError(
                f"--filter: no document has the key {condition.key!r}", hint=f"there are {', '.join(sorted(known))}"
            )


def matches(conditions: Iterable[Condition], document: DocumentRecord, place: Place, chunk: ChunkRecord) -> bool:
    """Whether all conditions hold for a chunk as it stands at a place of a document. Raises UsageError as `Condition.holds`."""
    return all(condition.holds(_values(condition.key, document, place, chunk)) for condition in conditions)


def is_of_chunk(key: str) -> bool:
    """Whether a key may differ between the chunks of a document."""
    return key in _OF_PLACE or key in _OF_CHUNK


def _values(key: str, document: DocumentRecord, place: Place, chunk: ChunkRecord) -> Iterable[Scalar]:
    if key in _OF_PLACE:
        return _OF_PLACE[key](place)
    if key in _OF_CHUNK:
        return _as_values(_OF_CHUNK[key](chunk))
    return document_values(key, document)


def document_values(key: str, document: DocumentRecord) -> Iterable[Scalar]:
    """The values that a document has for a key which does not depend on the place in it."""
    if key in _OF_DOCUMENT:
        return _as_values(_OF_DOCUMENT[key](document))
    if key == "year" and key not in document.metadata:
        key = "years"
    return _as_values(document.metadata.get(key))


def _as_values(found: Any) -> Iterable[Scalar]:
    if found is None:
        return ()
    return found if isinstance(found, list) else (found,)


def _text(value: Scalar) -> str:
    """The value as text: true and false as in JSON, accents as one character with their letter."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return unicodedata.normalize("NFC", text)


def page_range(first: int | None, last: int | None) -> Iterable[int]:
    """The pages from `first` to `last`; none where there is no first."""
    return range(first, (last or first) + 1) if first else ()


def _modified(document: DocumentRecord) -> str:
    """The day (UTC) on which the file was modified, as YYYY-MM-DD."""
    return str((_EPOCH + timedelta(microseconds=document.mtime_ns // 1000)).date())


_OF_DOCUMENT: dict[str, Callable[[DocumentRecord], object]] = {
    **{key: attrgetter(key) for key in ("path", "root", "document_type", "format", "title", "pages", "size", "chunks")},
    "doc_id": attrgetter("path"),
    "type": attrgetter("document_type"),
    "modified": _modified,
}
_OF_PLACE: dict[str, Callable[[Place], Iterable[Scalar]]] = {
    "page": lambda place: page_range(place.page, place.page_end),
    "page_end": lambda place: (place.page_end,) if place.page_end else (),
    "n": lambda place: (place.n,),
    "headings": attrgetter("headings"),
}
_OF_CHUNK: dict[str, Callable[[ChunkRecord], object]] = {
    **{key: attrgetter(key) for key in ("text", "context", "context_enriched", "language", "strategy")},
    "chunk_strategy": attrgetter("strategy"),
    "chunk_hash": lambda chunk: chunk_key(chunk.text),
}
