"""Searching the indexes of a project: dense and full text, fused, and reranked."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property, reduce
from operator import add
from pathlib import PurePath
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np

from ragfactory.context.enriched import enriched_text
from ragfactory.documents.model import clean
from ragfactory.errors import IndexNotFoundError, UsageError
from ragfactory.profiles import Retrieve, load_profiles
from ragfactory.retrieval.embedders import QueryEmbedders
from ragfactory.retrieval.filters import matching_rows, refuse_unknown_keys
from ragfactory.retrieval.places import places_of
from ragfactory.retrieval.ranking import Candidate, rank
from ragfactory.retrieval.reranking import QueryReranker
from ragfactory.store.layout import IndexName, IndexPaths, find_indexes
from ragfactory.store.settings import read_settings
from ragfactory.store.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ragfactory.config import Config
    from ragfactory.retrieval.filters import Condition, Mask
    from ragfactory.retrieval.places import PlaceInDocument
    from ragfactory.store.lexical import RowIds
    from ragfactory.store.records import ChunkRecord, DocumentRecord, Manifest
    from ragfactory.store.vectors import Matrix

    Row: TypeAlias = tuple[IndexName, int]  # a row of an index, by its id
    Scores: TypeAlias = dict[Row, float]

MAX_TOP_K = 1000


class Mode(StrEnum):
    """Which parts of the hybrid are used."""

    HYBRID = "hybrid"
    DENSE = "dense"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found, with the score of each stage; None where a stage did not look at it.

    `score` is that of the last stage that looked at it.
    """

    index: IndexName
    version: int
    chunk: ChunkRecord
    chunk_hash: str
    at: PlaceInDocument
    others: tuple[PlaceInDocument, ...]
    score: float
    dense: float | None
    lexical: float | None
    fused: float | None
    rerank: float | None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The passages for a query, best first, and how long each stage took in milliseconds.

    `notes` say, a line each, what was left out.
    """

    query: str
    hits: tuple[Hit, ...]
    timings_ms: dict[str, float]
    notes: tuple[str, ...] = ()


class Searcher:
    """The indexes of a project, open for searching."""

    def __init__(self, versions: dict[IndexName, Version], config: Config) -> None:
        profiles = {name: entry.profile for name, entry in load_profiles(config.profile_dirs).items()}
        self._versions = versions
        self._retrieve = {}
        for name in versions:
            settings = read_settings(IndexPaths.of(config.indexes, name))
            profile = profiles.get(name.document_type)
            of_profile = profile.retrieve if profile else Retrieve()
            self._retrieve[name] = settings.over(of_profile) if settings else of_profile
        self._embedders = QueryEmbedders([version.manifest for version in versions.values()], config.models)
        self._reranker = QueryReranker(config.models)

    @classmethod
    def open(cls, config: Config, document_type: str | None = None, *, number: int | None = None) -> Self:
        """Open the index of one document type, or all of the project; by default the version that serves, or that `number`.

        Raises IndexNotFoundError when there is none, DamagedIndexError when one is not what was written, ConfigError when its
        settings are not.
        """
        names = find_indexes(config.indexes, tenant=config.tenant, project=config.project, document_type=document_type)
        if not names:
            what = f"{config.tenant}/{config.project}" + (f"/{document_type}" if document_type else "")
            raise IndexNotFoundError(f"there is no index {what}", hint="`ragfactory ingest FOLDER` builds one")
        with ExitStack() as opened:
            versions = {}
            for name in names:
                versions[name] = opened.enter_context(Version.open(IndexPaths.of(config.indexes, name), name, number))
            opened.pop_all()
        return cls(versions, config)

    def search(
        self,
        query: str,
        *,
        top_k: int = 5,
        mode: Mode = Mode.HYBRID,
        filters: Sequence[Condition] = (),
        exact: bool = False,
        rerank: bool | None = None,
        override: Mapping[str, object] | None = None,
    ) -> SearchResult:
        """The `top_k` passages that answer `query` best, among those for which all `filters` hold.

        With `exact`, approximate vector indexes are not used. With `rerank` a cross-encoder orders the best candidates; None means
        where it is on the machine, and not when only words are searched. `override` has valid values of keys of a profile's
        [retrieve], to use in place of the indexes' own. Raises UsageError for an empty query, an impossible `top_k`, and a filter
        whose key is unknown or whose value is not of the key's kind; ModelUnavailableError when a reranker is asked for and is not
        there.
        """
        query = clean(query).strip()
        if not query:
            raise UsageError("the query is empty", hint="say what to look for")
        if not 1 <= top_k <= MAX_TOP_K:
            raise UsageError(
                f"--top-k: a number from 1 to {MAX_TOP_K} expected, got {top_k}", hint="leave it out for 5"
            )
        mode = Mode(mode)
        retrieve = {name: own.model_copy(update=override) for name, own in self._retrieve.items()}
        depth = max(2 * top_k, *(own.depth for own in retrieve.values()))
        clock = _Clock()
        among = self._among(filters)
        if filters:
            clock.note("filter")
        lexical: Scores = {}
        if mode is not Mode.DENSE:
            lexical = self._by_words(query, depth, among)
            clock.note("lexical")
        dense: Scores = {}
        if mode is not Mode.TEXT:
            vectors = self._embedders.encode(query)
            clock.note("embed")
            dense = self._by_vector(vectors, depth, among, lexical, exact=exact)
            clock.note("dense")
        candidates = [
            self._candidate(row, mode, retrieve[row[0]], dense.get(row), lexical.get(row)) for row in lexical | dense
        ]
        ranked = rank(candidates)
        notes: tuple[str, ...] = ()
        if rerank is None and mode is not Mode.TEXT:
            shortcoming = self._reranker.shortcoming()
            rerank = shortcoming is None
            notes = (f"not reranked: {shortcoming}",) if shortcoming else ()
        if rerank:
            ranked = self._reranked(query, ranked, max(own.rerank_depth for own in retrieve.values()))
            clock.note("rerank")
        hits = tuple(self._hit(candidate, mode, filters) for candidate in ranked[:top_k])
        return SearchResult(query, hits, clock.stop(), notes)

    def document(self, path: str) -> DocumentRecord | None:
        """The document of that path below the folder that was ingested, or None; of several, any."""
        return self._documents.get(path)

    def pool(self, query: str, depth: int) -> tuple[Hit, ...]:
        """Every candidate of both parts for a query, each part contributing `depth` an index, by index and row.

        Weights are fitted to these.
        """
        query = clean(query).strip()
        lexical = self._by_words(query, depth, {})
        dense = self._by_vector(self._embedders.encode(query), depth, {}, lexical, exact=False)
        candidates = (
            self._candidate(row, Mode.HYBRID, self._retrieve[row[0]], dense.get(row), lexical.get(row))
            for row in sorted(lexical | dense)
        )
        return tuple(self._hit(candidate, Mode.HYBRID, ()) for candidate in candidates)

    @cached_property
    def _documents(self) -> dict[str, DocumentRecord]:
        return {path: record for version in self._versions.values() for (_, path), record in version.documents.items()}

    def version(self, name: IndexName) -> Version:
        """The open version of an index."""
        return self._versions[name]

    @property
    def manifests(self) -> list[Manifest]:
        """What the open versions say of themselves."""
        return [version.manifest for version in self._versions.values()]

    @property
    def retrieve(self) -> dict[IndexName, Retrieve]:
        """How each index is searched: as its profile says, or as was fitted to it."""
        return dict(self._retrieve)

    @property
    def languages(self) -> list[str]:
        """The languages of the documents in the open indexes."""
        return sorted({language for version in self._versions.values() for language in version.manifest.languages})

    def close(self) -> None:
        """Close the indexes, and let go of the reranker."""
        self._reranker.close()
        for version in self._versions.values():
            version.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _among(self, filters: Sequence[Condition]) -> dict[IndexName, Mask]:
        """The rows to look among, by row id; of no index when there are no filters, and all rows that count are meant."""
        if not filters:
            return {}
        refuse_unknown_keys(filters, self._versions.values())
        return {name: matching_rows(version, filters) for name, version in self._versions.items()}

    def _by_words(self, query: str, depth: int, among: Mapping[IndexName, Mask]) -> Scores:
        languages = self.languages
        statistics = [version.lexical.statistics(query, languages) for version in self._versions.values()]
        overall = reduce(add, statistics)
        found: Scores = {}
        for name, version in self._versions.items():
            narrowing = _narrowing(version, among[name]) if name in among else {}
            hits = version.lexical.search(query, depth, languages, overall, **narrowing)
            found |= {(name, hit.row): hit.score for hit in hits}
        return found

    def _by_vector(
        self,
        vectors: Mapping[str, Matrix],
        depth: int,
        among: Mapping[IndexName, Mask],
        found_by_words: Iterable[Row],
        *,
        exact: bool,
    ) -> Scores:
        """What is nearest, and what was found by words: that gets its dense score too, so that fusion compares like with like."""
        found: Scores = {}
        for name, version in self._versions.items():
            vector = vectors[version.manifest.embedder.fingerprint]
            located = [version.locate(row_id) for index, row_id in found_by_words if index == name]
            for number, segment in version.segments.items():
                known = np.array([row for other, row in located if other == number], dtype=np.int64)
                live = among[name][segment.ids] if name in among else segment.live
                scores, nearest = segment.vectors.search(vector, depth, live, exact=exact)
                for rows, of_rows in ((known, segment.vectors.scores(vector, known)), (nearest, scores)):
                    ids = segment.ids[rows].tolist()
                    found |= {(name, row_id): score for row_id, score in zip(ids, of_rows.tolist(), strict=True)}
        return found

    def _candidate(
        self, row: Row, mode: Mode, retrieve: Retrieve, dense: float | None, lexical: float | None
    ) -> Candidate:
        name, row_id = row
        weights = {
            Mode.HYBRID: (retrieve.dense_weight, retrieve.lexical_weight),
            Mode.DENSE: (1.0, 0.0),
            Mode.TEXT: (0.0, 1.0),
        }[mode]
        return Candidate(name, row_id, self._versions[name].manifest.embedder.fingerprint, *weights, dense, lexical)

    def _reranked(self, query: str, ranked: Sequence[Candidate], depth: int) -> list[Candidate]:
        """The candidates with the first `depth` scored again and sorted by that."""
        first = ranked[:depth]
        scores = self._reranker.score(query, [self._passage(candidate) for candidate in first])
        scored = [replace(candidate, rerank=score) for candidate, score in zip(first, scores, strict=True)]
        return [*sorted(scored, key=lambda c: -(c.rerank or 0.0)), *ranked[depth:]]

    def _passage(self, candidate: Candidate) -> str:
        """What the reranker reads of a candidate: what was embedded, so that it knows of the context too."""
        version = self._versions[candidate.index]
        number, row = version.locate(candidate.row)
        chunk = version.segments[number].chunk(row)
        return enriched_text(PurePath(chunk.path).name, candidate.index.document_type, chunk.context, chunk.text)

    def _hit(self, candidate: Candidate, mode: Mode, filters: Sequence[Condition]) -> Hit:
        version = self._versions[candidate.index]
        number, row = version.locate(candidate.row)
        segment = version.segments[number]
        chunk = segment.chunk(row)
        at, *others = places_of(version, candidate.row, chunk, filters)
        own = {Mode.HYBRID: candidate.fused, Mode.DENSE: candidate.dense, Mode.TEXT: candidate.lexical}[mode]
        if candidate.rerank is not None:
            own = candidate.rerank
        return Hit(
            index=candidate.index,
            version=version.manifest.version,
            chunk=chunk,
            chunk_hash=segment.chunk_keys[row].tobytes().hex(),
            at=at,
            others=tuple(others),
            score=own or 0.0,
            dense=candidate.dense,
            lexical=candidate.lexical,
            fused=candidate.fused if mode is Mode.HYBRID else None,
            rerank=candidate.rerank,
        )


def _narrowing(version: Version, matching: Mask) -> dict[str, RowIds]:
    """What full text is told of the rows to look among: their ids, or those of all other rows when they are fewer."""
    others = np.zeros_like(matching)
    for segment in version.segments.values():
        others[segment.ids[segment.live]] = True
    others &= ~matching
    if matching.sum() <= others.sum():
        return {"only": np.flatnonzero(matching)}
    return {"without": np.flatnonzero(others)}


class _Clock:
    """How long each stage of a search took."""

    def __init__(self) -> None:
        self._started = self._noted = time.perf_counter()
        self._timings_ms: dict[str, float] = {}

    def note(self, stage: str) -> None:
        """End a stage, which began when the one before ended."""
        now = time.perf_counter()
        self._timings_ms[stage] = round(1000 * (now - self._noted), 2)
        self._noted = now

    def stop(self) -> dict[str, float]:
        """Milliseconds by stage, and in total."""
        return self._timings_ms | {"total": round(1000 * (time.perf_counter() - self._started), 2)}
