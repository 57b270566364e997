"""Searching the indexes of a project: dense and full text, fused, and reranked.

What computes with NumPy, FAISS or a model is imported where it is needed: a search by words alone takes less time than that.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from ragfactory.documents.cleaning import clean
from ragfactory.errors import DeviceUnavailableError, IndexNotFoundError, ModelUnavailableError, UsageError
from ragfactory.retrieval.candidates import Candidate, by_words, emphasis, prefer, with_share
from ragfactory.retrieval.embedders import QueryEmbedders
from ragfactory.retrieval.expansion import expansion
from ragfactory.retrieval.folding import fold
from ragfactory.retrieval.hits import hit_of
from ragfactory.retrieval.parts import best_wording, find_by_words, lower_bm25, lower_cosines
from ragfactory.retrieval.reranking import QueryReranker
from ragfactory.retrieval.results import Explanation, Mode, SearchResult
from ragfactory.retrieval.settings import retrieve_of, weighting_of
from ragfactory.retrieval.timing import Clock
from ragfactory.retrieval.understanding import Vocabulary
from ragfactory.store.layout import IndexName, IndexPaths, find_indexes
from ragfactory.store.lexical import MAX_WORDS
from ragfactory.store.version import Version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ragfactory.config import Config
    from ragfactory.profiles import Retrieve
    from ragfactory.retrieval.filters import Condition
    from ragfactory.retrieval.masks import Mask
    from ragfactory.retrieval.parts import Found, Narrowing
    from ragfactory.retrieval.results import Hit, Use
    from ragfactory.retrieval.rewriting.writers import Rewriter
    from ragfactory.retrieval.understanding import Understood
    from ragfactory.store.documents import Identity
    from ragfactory.store.records import DocumentRecord, Manifest

MAX_TOP_K = 1000

_WORDLESS = "the query has no word to look for"
_NOTHING_NAMED = "--strict: the query names no year, type or name of these documents, so it left none of them out"

_LONG = f"the query is long: {MAX_WORDS} of its words are looked for, and its beginning is compared by meaning"


class Searcher:
    """The indexes of a project, open for searching. `notes` say which of their settings are not used, and why."""

    def __init__(
        self, versions: dict[IndexName, Version], config: Config, reranker: QueryReranker | None = None
    ) -> None:
        """Search open versions, which are closed with this; `reranker` is somebody else's, and stays as it is."""
        self._versions = versions
        self._retrieve, self.notes = retrieve_of(versions, config)
        self._embedders = QueryEmbedders([version.manifest for version in versions.values()], config.models)
        self._reranker = reranker or QueryReranker(config)
        self._own_reranker = reranker is None

    @classmethod
    def open(
        cls,
        config: Config,
        document_type: str | None = None,
        *,
        number: int | None = None,
        reranker: QueryReranker | None = None,
    ) -> Self:
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
        return cls(versions, config, reranker)

    def search(
        self,
        query: str,
        *,
        top_k: int = 5,
        mode: Mode = Mode.HYBRID,
        filters: Sequence[Condition] = (),
        exact: bool = False,
        rerank: bool | None = None,
        strict: bool = False,
        expand: int = 0,
        rewriter: Rewriter | None = None,
        override: Mapping[str, object] | None = None,
    ) -> SearchResult:
        """The `top_k` passages that answer `query` best, among those for which all `filters` hold.

        With `exact`, approximate vector indexes are not used. With `rerank` a cross-encoder orders the best candidates; None means
        where it is on the machine, and not when only words are searched. Documents of the years, types and names in the query are
        preferred, or with `strict` the only ones looked among. With `expand`, up to so many rewritings of the query are searched
        as well, by `rewriter` where there is one. `override` has valid values of keys of a profile's [retrieve], to use in place of
        the indexes' own. A query without a letter or a digit finds nothing; a note says so.

        Raises UsageError for an empty query, an impossible `top_k`, and a filter whose key is unknown or whose value is not of the
        key's kind; ModelUnavailableError or DeviceUnavailableError when a reranker is asked for and cannot be had.
        """
        query = _checked(query, top_k)
        mode = Mode(mode)
        retrieve = {name: own.model_copy(update=override) for name, own in self._retrieve.items()}
        depth = max(2 * top_k, *(own.depth for own in retrieve.values()))
        clock = Clock()
        if not any(map(str.isalnum, query)):  # a vector of signs is near to anything
            return SearchResult(query, (), clock.stop(), (*self.notes, _WORDLESS))
        understood = self._vocabulary.understand(query)
        within = self._vocabulary.documents(understood) if strict and understood else None
        among: dict[IndexName, Mask] = {}
        narrowings: dict[IndexName, Narrowing] = {}
        if filters or strict:
            among, narrowings = self._among(filters, within)
            clock.note("filter")
            if among and not any(rows.any() for rows in among.values()):
                left = _nothing_left(filters, understood if strict else ())
                explained = Explanation(understood, "strict" if strict and understood else None)
                return SearchResult(query, (), clock.stop(), (*self.notes, left), explained)
        synonyms = [group for own in retrieve.values() for group in own.synonyms]
        expanded = expansion(query, expand, self._commonest_languages, synonyms, rewriter) if expand else None
        wordings = [query, *(expanded.variants if expanded else ())]
        if expanded:
            clock.note("expand")
        lexical: Found = {}
        if mode is not Mode.DENSE:
            lexical = best_wording(
                ((text, find_by_words(self._versions, text, depth, self.languages, narrowings)) for text in wordings),
                lower_bm25,
            )
            clock.note("lexical")
        dense: Found = {}
        if mode is not Mode.TEXT:
            from ragfactory.retrieval.nearest import find_by_vector

            vectors = [(text, self._embedders.encode(text)) for text in wordings]
            clock.note("embed")
            dense = best_wording(
                (
                    (text, find_by_vector(self._versions, of_text, depth, among, lexical, exact=exact))
                    for text, of_text in vectors
                ),
                lower_cosines,
            )
            clock.note("dense")
        ranked = self._ranked(self._candidates(query, mode, retrieve, dense, lexical), mode)
        preference = max(own.preference for own in retrieve.values())
        use = self._use(understood, mode, preference, strict=strict)
        if use == "preferred":
            shares = self._vocabulary.shares(understood, [(c.index, c.row) for c in ranked])
            ranked = prefer(ranked, shares, preference)
        found = (self._hit(candidate, mode, filters, within) for candidate in ranked)
        reranks = rerank or (rerank is None and mode is not Mode.TEXT)
        deepest = max(own.rerank_depth for own in retrieve.values()) if reranks else 0
        hits, said, failed = self._reranked(query, found, top_k, deepest, preference, asked=bool(rerank))
        rewriting = [expanded.note] if expanded and expanded.note else []
        devices: dict[str, str] = {}
        if self._reranker.device and any(hit.rerank is not None for hit in hits):
            clock.note("rerank")
            devices["rerank"] = self._reranker.device
        explanation = Explanation(
            understood,
            use,
            tuple(wordings[1:]),
            emphasis(query) if mode is Mode.HYBRID else 1.0,
            expanded.by if expanded else None,
        )
        notes = (*self.notes, *_own_notes(query, is_unheld=strict and not understood), *rewriting, *said)
        return SearchResult(query, hits, clock.stop(), notes, explanation, devices, degraded=bool(rewriting) or failed)

    def document(self, path: str) -> DocumentRecord | None:
        """The document of that path below the folder that was ingested, or None; of several, any."""
        return self._documents.get(path)

    def pool(self, query: str, depth: int) -> tuple[Hit, ...]:
        """Every candidate of both parts for a query, each part contributing `depth` an index, by index and row.

        Weights are fitted to these.
        """
        from ragfactory.retrieval.nearest import find_by_vector

        query = clean(query).strip()
        lexical = find_by_words(self._versions, query, depth, self.languages, {})
        dense = find_by_vector(self._versions, self._embedders.encode(query), depth, {}, lexical, exact=False)
        of_meaning, of_words = (
            best_wording([(query, dense)], lower_cosines),
            best_wording([(query, lexical)], lower_bm25),
        )
        candidates = self._candidates(query, Mode.HYBRID, self._retrieve, of_meaning, of_words)
        return tuple(self._hit(c, Mode.HYBRID) for c in sorted(candidates, key=lambda c: (c.index, c.row)))

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self._versions)

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
    def can_rerank(self) -> bool:
        """Whether there is a reranker on this machine."""
        return self._reranker.shortcoming() is None

    @property
    def languages(self) -> list[str]:
        """The languages of the documents in the open indexes."""
        return sorted({language for version in self._versions.values() for language in version.manifest.languages})

    @property
    def _commonest_languages(self) -> list[str]:
        """The same, that of most documents first."""
        documents = Counter[str]()
        for version in self._versions.values():
            documents.update(version.manifest.languages)
        return [language for language, _ in documents.most_common()]

    def close(self) -> None:
        """Close the indexes, and let go of the reranker, if it is this searcher's own."""
        if self._own_reranker:
            self._reranker.close()
        for version in self._versions.values():
            version.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _among(
        self, filters: Sequence[Condition], within: Mapping[IndexName, Collection[Identity]] | None
    ) -> tuple[dict[IndexName, Mask], dict[IndexName, Narrowing]]:
        """The rows to look among, and what full text is told of them."""
        from ragfactory.retrieval.masks import narrowing, rows_among

        among = rows_among(self._versions, filters, within)
        return among, {name: narrowing(self._versions[name], rows) for name, rows in among.items()}

    @staticmethod
    def _use(understood: Sequence[Understood], mode: Mode, preference: float, *, strict: bool) -> Use | None:
        """What becomes of what the query says of documents."""
        if not understood:
            return None
        if strict:
            return "strict"
        return "preferred" if mode is Mode.HYBRID and preference else None

    def _ranked(self, candidates: Sequence[Candidate], mode: Mode) -> list[Candidate]:
        """The candidates, best first."""
        if mode is Mode.TEXT:
            return by_words(candidates)
        from ragfactory.retrieval.ranking import rank

        return rank(candidates)

    def _candidates(
        self, query: str, mode: Mode, retrieve: Mapping[IndexName, Retrieve], dense: Found, lexical: Found
    ) -> list[Candidate]:
        weightings = {
            name: weighting_of(own, self._versions[name].manifest.embedder.name, mode, emphasis(query))
            for name, own in retrieve.items()
        }
        candidates = []
        for row in lexical | dense:
            embedder = self._versions[row[0]].manifest.embedder
            of_words, of_meaning = lexical.get(row), dense.get(row)
            said = {found.wording for found in (of_words, of_meaning) if found}
            candidates.append(
                Candidate(
                    *row,
                    embedder.fingerprint,
                    weightings[row[0]],
                    of_meaning.score if of_meaning else None,
                    of_words.score if of_words else None,
                    variant=None if query in said else min(said),
                )
            )
        return candidates

    def _reranked(
        self, query: str, found: Iterable[Hit], top_k: int, depth: int, preference: float, *, asked: bool
    ) -> tuple[tuple[Hit, ...], tuple[str, ...], bool]:
        """The `top_k` hits that differ, the first `depth` of them scored again and sorted by that, what there is to say of it, and
        whether something failed that may pass. Where it cannot be done and nobody `asked` for it, they stay in their order.
        """
        if not depth:
            return fold(found, top_k), (), False
        if not asked and (shortcoming := self._reranker.shortcoming()):
            return fold(found, top_k), (f"not reranked: {shortcoming}",), False
        hits = fold(found, max(top_k, depth))  # first of all: what is said twice need not be read twice
        try:
            scores = self._reranker.score(query, [_passage(hit) for hit in hits[:depth]])
        except (ModelUnavailableError, DeviceUnavailableError) as error:
            if asked:
                raise
            return hits[:top_k], (*self._reranker.take_notes(), f"not reranked: {error.message}"), True
        scored = [_scored(hit, score, preference) for hit, score in zip(hits[:depth], scores, strict=True)]
        ranked = (*sorted(scored, key=lambda hit: -hit.score), *hits[depth:])
        said = self._reranker.take_notes()
        return ranked[:top_k], said, bool(said)

    def _hit(
        self,
        candidate: Candidate,
        mode: Mode,
        filters: Sequence[Condition] = (),
        within: Mapping[IndexName, Collection[Identity]] | None = None,
    ) -> Hit:
        documents = None if within is None else within[candidate.index]
        return hit_of(self._versions[candidate.index], candidate, mode, filters, documents)


def _checked(query: str, top_k: int) -> str:
    """The query as documents are read. Raises UsageError for an empty one, and an impossible `top_k`."""
    query = clean(query).strip()
    if not query:
        raise UsageError("the query is empty", hint="say what to look for")
    if not 1 <= top_k <= MAX_TOP_K:
        raise UsageError(f"--top-k: a number from 1 to {MAX_TOP_K} expected, got {top_k}", hint="leave it out for 5")
    return query


def _passage(hit: Hit) -> str:
    """What the reranker reads of a hit: what was embedded, so that it knows of the context too."""
    from ragfactory.context.enriched import enriched_text

    return enriched_text(hit.chunk.context, hit.chunk.text)


def _scored(hit: Hit, score: float, preference: float) -> Hit:
    """The hit with the score that the reranker gives it, and what the preference makes of that."""
    preferred = None if hit.share is None else with_share(score, hit.share, preference)
    return replace(hit, rerank=score, preferred=preferred, score=score if preferred is None else preferred)


def _own_notes(query: str, *, is_unheld: bool) -> Iterator[str]:
    """What of a query was left out, and that `--strict` held to nothing."""
    if is_unheld:
        yield _NOTHING_NAMED
    if len(query.split()) > MAX_WORDS:
        yield _LONG


def _nothing_left(filters: Sequence[Condition], understood: Sequence[Understood]) -> str:
    """That no passage was looked at, and what left none."""
    named = ", ".join(f"{entry.kind} {entry.value}" for entry in understood)
    if not named:
        return "no passage holds to " + ("the filter" if len(filters) == 1 else "all the filters")
    return f"--strict: no document is of all that the query names: {named}" + (
        " and holds to the filters" if filters else ""
    )
