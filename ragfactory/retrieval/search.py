"""Searching the indexes of a project: dense and full text, fused."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Self

import numpy as np

from ragfactory.documents.model import clean
from ragfactory.errors import IndexNotFoundError, MissingExtraError, ModelUnavailableError, UsageError
from ragfactory.profiles import Retrieve, load_profiles
from ragfactory.retrieval.fusion import fuse
from ragfactory.store.layout import IndexName, IndexPaths, index_names
from ragfactory.store.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ragfactory.config import Config
    from ragfactory.embedding.catalog import ResolvedModel
    from ragfactory.embedding.model import Embedder
    from ragfactory.store.records import ChunkRecord, EmbedderEntry, Place
    from ragfactory.store.vectors import Matrix

MAX_TOP_K = 1000
_MIN_DEPTH = 100  # candidates each part contributes, so that fusion has something to choose from


class Mode(StrEnum):
    """Which parts of the hybrid are used."""

    HYBRID = "hybrid"
    DENSE = "dense"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class PlaceInDocument:
    """Where a passage stands: the document's path below the folder that was ingested, that folder, and the place in it."""

    doc_id: str
    root: str
    place: Place

    @property
    def chunk_id(self) -> str:
        """The name of the chunk: the document's and the chunk's number in it."""
        return f"{self.doc_id}#c{self.place.n:04d}"


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found, with the score of each stage; None where a stage did not look at it."""

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


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The passages for a query, best first, and how long each stage took in milliseconds."""

    query: str
    hits: tuple[Hit, ...]
    timings_ms: dict[str, float]


@dataclass(slots=True)
class _Candidate:
    """A row under consideration, with its score of each part; a row that no word matches has a lexical score of 0."""

    version: Version
    name: IndexName
    segment: int
    row: int
    weights: Retrieve
    dense: float | None = None
    lexical: float | None = None
    fused: float = 0.0


class Searcher:
    """The indexes of a project, open for searching. Models are loaded at the first query that needs one, and stay."""

    def __init__(self, versions: dict[IndexName, Version], config: Config) -> None:
        profiles = load_profiles(config.profile_dirs)
        self._versions = versions
        self._config = config
        self._weights = {
            name: profiles[name.document_type].profile.retrieve if name.document_type in profiles else Retrieve()
            for name in versions
        }
        self._embedders: dict[str, Embedder] = {}

    @classmethod
    def open(cls, config: Config, document_type: str | None = None) -> Self:
        """Open the index of one document type, or all of the project.

        Raises IndexNotFoundError when there is none, DamagedIndexError when one is not what was written.
        """
        names = list(index_names(config.indexes, tenant=config.tenant, project=config.project))
        if document_type is not None:
            names = [name for name in names if name.document_type == document_type]
        if not names:
            what = f"{config.tenant}/{config.project}" + (f"/{document_type}" if document_type else "")
            raise IndexNotFoundError(f"there is no index {what}", hint="`ragfactory ingest FOLDER` builds one")
        with ExitStack() as opened:
            versions = {}
            for name in names:
                versions[name] = opened.enter_context(Version.open(IndexPaths.of(config.indexes, name), name))
            opened.pop_all()
        return cls(versions, config)

    def search(self, query: str, *, top_k: int = 5, mode: Mode = Mode.HYBRID) -> SearchResult:
        """The `top_k` passages that answer `query` best. Raises UsageError for an empty query or an impossible `top_k`."""
        mode = Mode(mode)
        query = clean(query).strip()
        if not query:
            raise UsageError("the query is empty", hint="say what to look for")
        if not 1 <= top_k <= MAX_TOP_K:
            raise UsageError(
                f"--top-k: a number from 1 to {MAX_TOP_K} expected, got {top_k}", hint="leave it out for 5"
            )
        timings: dict[str, float] = {}
        depth = max(_MIN_DEPTH, 2 * top_k)
        candidates: dict[tuple[IndexName, int, int], _Candidate] = {}
        started = time.perf_counter()
        if mode is not Mode.DENSE:
            self._search_text(query, depth, candidates)
            timings["lexical"] = _ms_since(started)
        if mode is not Mode.TEXT:
            vectors = {print_: self._embed(query, entry) for print_, entry in self._embedder_entries().items()}
            embedded = time.perf_counter()
            timings["embed"] = 1000 * (embedded - started) - timings.get("lexical", 0.0)
            self._search_dense(vectors, depth, candidates)
            timings["dense"] = _ms_since(embedded)
        ranked = _rank(list(candidates.values()), mode)[:top_k]
        hits = tuple(_hit(candidate, mode) for candidate in ranked)
        timings["total"] = _ms_since(started)
        return SearchResult(query, hits, {stage: round(ms, 2) for stage, ms in timings.items()})

    @property
    def languages(self) -> list[str]:
        """The languages of the documents in the open indexes."""
        return sorted({language for version in self._versions.values() for language in version.manifest.languages})

    def close(self) -> None:
        """Close the indexes."""
        for version in self._versions.values():
            version.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _search_text(self, query: str, depth: int, candidates: dict[tuple[IndexName, int, int], _Candidate]) -> None:
        languages = self.languages
        statistics = [version.lexical.statistics(query, languages) for version in self._versions.values()]
        overall = reduce(add, statistics)
        for name, version in self._versions.items():
            for hit in version.lexical.search(query, depth, languages, overall):
                self._candidate(candidates, name, hit.segment, hit.row).lexical = hit.score

    def _search_dense(
        self, vectors: dict[str, Matrix], depth: int, candidates: dict[tuple[IndexName, int, int], _Candidate]
    ) -> None:
        for name, version in self._versions.items():
            vector = vectors[version.manifest.embedder.fingerprint]
            for number, segment in version.segments.items():
                # What full text found gets its dense score too, so that fusion compares like with like.
                known = [key[2] for key in candidates if key[:2] == (name, number)]
                scores = segment.vectors.scores(vector, np.array(known, dtype=np.int64)).tolist()
                nearest, rows = segment.vectors.search(vector, depth, segment.live)
                for row, score in (
                    *zip(known, scores, strict=True),
                    *zip(rows.tolist(), nearest.tolist(), strict=True),
                ):
                    self._candidate(candidates, name, number, row).dense = score

    def _candidate(
        self, candidates: dict[tuple[IndexName, int, int], _Candidate], name: IndexName, segment: int, row: int
    ) -> _Candidate:
        key = (name, segment, row)
        if key not in candidates:
            candidates[key] = _Candidate(self._versions[name], name, segment, row, self._weights[name])
        return candidates[key]

    def _embedder_entries(self) -> dict[str, EmbedderEntry]:
        entries = [version.manifest.embedder for version in self._versions.values()]
        return {entry.fingerprint: entry for entry in entries}

    def _embed(self, query: str, entry: EmbedderEntry) -> Matrix:
        if entry.fingerprint not in self._embedders:
            from ragfactory.embedding.engine import open_embedder

            self._embedders[entry.fingerprint] = open_embedder(self._resolve(entry))
        return self._embedders[entry.fingerprint].encode_query(query)

    def _resolve(self, entry: EmbedderEntry) -> ResolvedModel:
        """The model that made the vectors, which is the only one whose queries they understand."""
        from ragfactory.embedding.locate import resolve
        from ragfactory.embedding.weights import fingerprint

        users = ", ".join(
            str(n) for n, v in self._versions.items() if v.manifest.embedder.fingerprint == entry.fingerprint
        )
        hint = f"put {entry.name} in {self._config.models}, or search with --mode text"
        try:
            model = resolve(entry.name, self._config.models)
        except MissingExtraError:
            raise
        except ModelUnavailableError as error:
            raise IndexNotFoundError(
                f"{users}: made with {entry.name}; {error.message}", hint=error.hint or hint
            ) from error
        if fingerprint(model) != entry.fingerprint:
            raise IndexNotFoundError(
                f"{users}: made with other weights of {entry.name} than those in {model.path}", hint=hint
            )
        return model


def _rank(candidates: Sequence[_Candidate], mode: Mode) -> list[_Candidate]:
    """Best first; equal scores in the order of index, segment and row, so that a search can be repeated."""
    dense = _comparable(candidates)
    lexical = np.array([candidate.lexical or 0.0 for candidate in candidates], dtype=np.float32)
    weights = [_weights(candidate, mode) for candidate in candidates]
    fused = {pair: fuse(dense, lexical, dense_weight=pair[0], lexical_weight=pair[1]) for pair in set(weights)}
    for i, (candidate, pair) in enumerate(zip(candidates, weights, strict=True)):
        candidate.fused = float(fused[pair][i])
    return sorted(candidates, key=lambda c: (-c.fused, c.name, c.segment, c.row))


def _comparable(candidates: Sequence[_Candidate]) -> Matrix:
    """The dense scores; where there are several embedders, whose ranges differ, each one's are scaled by themselves."""
    dense = np.array([candidate.dense or 0.0 for candidate in candidates], dtype=np.float32)
    embedders = np.array([candidate.version.manifest.embedder.fingerprint for candidate in candidates])
    models = np.unique(embedders)
    if len(models) > 1:
        for model in models:
            own = embedders == model
            dense[own] = fuse(dense[own], np.zeros_like(dense[own]), dense_weight=1.0, lexical_weight=0.0)
    return dense


def _weights(candidate: _Candidate, mode: Mode) -> tuple[float, float]:
    if mode is Mode.HYBRID:
        return candidate.weights.dense_weight, candidate.weights.lexical_weight
    return (1.0, 0.0) if mode is Mode.DENSE else (0.0, 1.0)


def _hit(candidate: _Candidate, mode: Mode) -> Hit:
    segment = candidate.version.segments[candidate.segment]
    chunk = segment.chunk(candidate.row)
    at, *others = _places(candidate, chunk)
    own = {Mode.HYBRID: candidate.fused, Mode.DENSE: candidate.dense, Mode.TEXT: candidate.lexical}[mode]
    return Hit(
        index=candidate.name,
        version=candidate.version.manifest.version,
        chunk=chunk,
        chunk_hash=segment.chunk_keys[candidate.row].tobytes().hex(),
        at=at,
        others=tuple(others),
        score=own or 0.0,
        dense=candidate.dense,
        lexical=candidate.lexical,
        fused=candidate.fused if mode is Mode.HYBRID else None,
    )


def _places(candidate: _Candidate, chunk: ChunkRecord) -> Iterator[PlaceInDocument]:
    """Every place of a passage: that in the document it was stored for, if that still holds it, then all others."""
    owner = candidate.version.documents.get((chunk.root, chunk.path))
    if owner and any(
        number == candidate.segment and first <= candidate.row < first + count for number, first, count in owner.rows
    ):
        yield PlaceInDocument(chunk.path, chunk.root, chunk.place)
    for holder in candidate.version.sharers(candidate.segment, candidate.row):
        yield PlaceInDocument(holder.document.path, holder.document.root, holder.place)


def _ms_since(started: float) -> float:
    return 1000 * (time.perf_counter() - started)
