"""The full-text index of a version: tantivy, a stemmer and stop words per language, over raw text and context.

A chunk's words go into the field of its language, stemmed (as they are where the language has no stemmer), and into a field for
exact forms, beside what its document is called. A row is identified by its id, which it keeps when segments are merged.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
import tantivy

from ragfactory.errors import DamagedIndexError
from ragfactory.store.analysis import LANGUAGES, analyzer, compound_parts, looked_past, with_codes, with_parts
from ragfactory.store.notation import joined_ibans

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    RowIds = npt.NDArray[np.integer[Any]]

LOCK_FILES = frozenset({".tantivy-writer.lock", ".tantivy-meta.lock"})

_ID, _EXACT, _OTHER = "id", "exact", "other"
_WRITER_MEMORY = 64_000_000
_PART_WEIGHT = 0.5  # of a part of a compound that is asked for
MAX_WORDS = 256  # of a query: more only makes it slow


@dataclass(frozen=True, slots=True)
class LexicalHit:
    """A row that matches, by its id, with its BM25 score."""

    row: int
    score: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """Over how many rows, and in how many of them each (field, word) occurs.

    Rows that were taken out count until tantivy merges their segment, as they do in its own scores.
    """

    rows: int
    counts: dict[tuple[str, str], int]

    def __add__(self, other: Statistics) -> Statistics:
        terms = {**self.counts, **other.counts}
        counts = {term: self.counts.get(term, 0) + other.counts.get(term, 0) for term in terms}
        return Statistics(self.rows + other.rows, counts)

    def idf(self, term: tuple[str, str]) -> float:
        """The inverse document frequency of BM25 as tantivy computes it: ln(1 + (N - n + 0.5) / (n + 0.5))."""
        n = self.counts[term]
        return math.log(1 + (self.rows - n + 0.5) / (n + 0.5))


class LexicalWriter:
    """Changes the full-text index in a folder, creating it in an empty one; nothing counts before `commit`.

    The folder may hold hard links to another version's files: tantivy replaces files and never writes into one. Every method
    raises OSError when the disk refuses.
    """

    def __init__(self, directory: Path) -> None:
        exists = (directory / "meta.json").exists()
        index = _open(directory) if exists else tantivy.Index(_schema(), path=str(directory))
        _register(index)
        self._directory = directory
        with _disk_errors():
            self._writer: Any = index.writer(_WRITER_MEMORY, 1)

    def add(self, row_id: int, text: str, language: str | None, about: str = "") -> None:
        """Index the text of a row, and words `about` its document."""
        document = tantivy.Document()
        document.add_integer(_ID, row_id)
        document.add_text(_EXACT, with_codes(f"{about}\n{text}"))
        document.add_text(language if language in LANGUAGES else _OTHER, with_parts(text, language))
        with _disk_errors():
            self._writer.add_document(document)

    def delete(self, row_id: int) -> None:
        """Take a row out."""
        with _disk_errors():
            self._writer.delete_documents_by_term(_ID, row_id)

    def commit(self) -> None:
        """Write everything and close; the lock files do not stay behind."""
        with _disk_errors():
            self._writer.commit()
            self._writer.wait_merging_threads()
        self.close()
        for name in LOCK_FILES:
            (self._directory / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Stop; what was not committed does not count. tantivy's threads are done with the folder when this returns."""
        self._writer = None


class LexicalIndex:
    """An opened full-text index."""

    def __init__(self, directory: Path) -> None:
        """Raises DamagedIndexError when the folder is no index."""
        self._index = _open(directory)
        self._schema = self._index.schema
        self._searcher = self._index.searcher()
        self._rows = _rows_in(directory)

    @property
    def live(self) -> int:
        """How many rows it has that were not deleted."""
        return int(self._searcher.num_docs)

    def statistics(self, query: str, languages: Sequence[str]) -> Statistics:
        """How often the words of `query` occur here; those of several indexes add up."""
        terms = _terms(query, tuple(languages))
        counts = {(field, word): self._searcher.doc_freq(field, word) for field, word in terms}
        return Statistics(self._rows, counts)

    def search(
        self,
        query: str,
        k: int,
        languages: Sequence[str],
        overall: Statistics | None = None,
        *,
        only: RowIds | None = None,
        without: RowIds | None = None,
    ) -> list[LexicalHit]:
        """The `k` rows that match `query` best, looked up with the stemmers of `languages`.

        The query is plain text: no operator or quote in it means anything, and words after the 256th different one do not
        count. With `overall`, the statistics of all indexes that are searched together, a word weighs by how rare it is in all of
        them, so that scores of different indexes compare. With `only`, the rows with these ids are looked among, with `without`
        all but those, (n,) each; scores are the same as without.
        """
        own = self.statistics(query, languages)
        clauses = [
            (tantivy.Occur.Should, self._clause(term, weight, own, overall or own))
            for term, weight in _terms(query, tuple(languages)).items()
            if own.counts[term]
        ]
        if not clauses:
            return []
        words = tantivy.Query.boolean_query(clauses)
        hits = self._searcher.search(self._narrowed(words, only, without), k).hits
        rows = self._searcher.fast_field_values(_ID, [address for _, address in hits])
        return [LexicalHit(row, float(score)) for row, (score, _) in zip(rows, hits, strict=True)]

    def _narrowed(self, words: Any, only: RowIds | None, without: RowIds | None) -> Any:
        clauses = [(tantivy.Occur.Must, words)]
        if only is not None:
            among = tantivy.Query.term_set_query(self._schema, _ID, only.tolist())
            clauses.append((tantivy.Occur.Must, tantivy.Query.const_score_query(among, 0.0)))
        if without is not None:
            clauses.append((tantivy.Occur.MustNot, tantivy.Query.term_set_query(self._schema, _ID, without.tolist())))
        return tantivy.Query.boolean_query(clauses) if len(clauses) > 1 else words

    def _clause(self, term: tuple[str, str], weight: float, own: Statistics, overall: Statistics) -> Any:
        boost = weight * overall.idf(term) / own.idf(term)
        return tantivy.Query.boost_query(tantivy.Query.term_query(self._schema, *term), boost)


@lru_cache(maxsize=16)  # each index is asked of the same query twice
def _terms(query: str, languages: tuple[str, ...]) -> Mapping[tuple[str, str], float]:
    """The fields to look in, each with the words of `query` as that field has them, and what a word counts there. Function words
    are left out, unless there is nothing else.
    """
    known = tuple(language for language in languages if language in LANGUAGES)
    fields: dict[str, str | None] = {language: language for language in known}
    fields |= {_OTHER: None, _EXACT: None}
    terms: dict[tuple[str, str], float] = {}
    for field, language in fields.items():
        words = list(dict.fromkeys(analyzer(language).analyze(with_codes(joined_ibans(query)))))
        telling = [word for word in words if word not in looked_past(language, known)] or words
        of_parts = analyzer(language).analyze(" ".join(compound_parts(query, language)))
        weights = dict.fromkeys(telling[:MAX_WORDS], 1.0)
        weights |= {word: _PART_WEIGHT for word in of_parts[:MAX_WORDS] if word not in weights}
        terms |= {(field, word): weight for word, weight in weights.items()}
    return terms


@contextmanager
def _disk_errors() -> Iterator[None]:
    """A ValueError of tantivy while it writes is what the disk answered: make it one."""
    try:
        yield
    except ValueError as error:
        raise OSError(f"the full-text index cannot be written: {error}") from error


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field(_ID, stored=False, indexed=True, fast=True)
    for name in (*LANGUAGES, _OTHER, _EXACT):
        builder.add_text_field(name, stored=False, tokenizer_name=name, index_option="freq")
    return builder.build()


def _register(index: Any) -> None:
    for language in LANGUAGES:
        index.register_tokenizer(language, analyzer(language))
    for name in (_OTHER, _EXACT):
        index.register_tokenizer(name, analyzer(None))
    # A reader that watched for commits would do so in a thread, which writes a lock file into the folder at times of its own.
    index.config_reader(reload_policy="manual")


def _open(directory: Path) -> Any:
    try:
        index = tantivy.Index.open(str(directory))
    except ValueError as error:
        raise DamagedIndexError(f"{directory}: not a full-text index that can be read", path=str(directory)) from error
    _register(index)
    return index


def _rows_in(directory: Path) -> int:
    """The rows of all segments, those taken out included. The searcher tells the living alone, and its BM25 goes by all."""
    meta = orjson.loads((directory / "meta.json").read_bytes())
    return sum(segment["max_doc"] for segment in meta["segments"])
