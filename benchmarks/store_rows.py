"""An index of many rows that a generator makes: what building, opening and searching it costs.

Rows are drawn around a thousand topics in a space of 64 dimensions, turned into 1,024, blurred with noise and scaled to unit
length: like passages of documents, and unlike random directions, they have near neighbours that are worth finding. Queries are
drawn the same way and are not among the rows. The text of a row is four words: its topic, a common, a rare and its own.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeAlias, TypeVar

import numpy as np

from benchmarks.store_measures import Apart, apart, new_bytes
from ragfactory.config import Config
from ragfactory.profiles import Index as IndexOptions
from ragfactory.retrieval.results import Mode
from ragfactory.retrieval.search import Searcher
from ragfactory.store.durable import make_private_dirs
from ragfactory.store.faiss_files import import_faiss
from ragfactory.store.layout import IndexName, IndexPaths
from ragfactory.store.publish import NewChunk, VersionBuilder
from ragfactory.store.records import ChunkRecord, DocumentRecord, EmbedderEntry, Place, RootEntry, SegmentEntry
from ragfactory.store.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from ragfactory.store.vectors import Matrix

    Ids: TypeAlias = npt.NDArray[np.uint64]

P = ParamSpec("P")
Result = TypeVar("Result")

DIMENSION = 1024
ADDED_SHARE = 1 / 1000  # of the rows, published on top

_NAME = IndexName("benchmark", "store", "rows")
_EMBEDDER = EmbedderEntry(name="generator", fingerprint="0" * 64, dimension=DIMENSION)
_OPTIONS = IndexOptions()  # approximate above 200,000 rows
_ROOT = "/generated"
_ROOTS = {_ROOT: RootEntry(path=_ROOT, whole=True, profile="rows")}

_TOPICS = 1000
_INTRINSIC = 64
_SPREAD = 0.6  # around a topic; topics have a spread of 1
_NOISE = 0.4  # of a row's length before it is scaled
_DOCUMENT = 100  # rows
_BLOCK = 40 * _DOCUMENT  # rows made at a time
_K = 10
_BASELINE_QUERIES = 20
_QUERIES_SEED = 2**32
_REST_S = 2.1  # a file that changed a moment ago is hashed each time it is opened


@dataclass(frozen=True, slots=True)
class Built:
    """A version that was published: its new rows and bytes, and the seconds in the store, of which `publish_s` at the end."""

    rows: int
    bytes: int
    seconds: float
    publish_s: float
    kind: str
    recall_at_10: float
    segments: tuple[SegmentEntry, ...]


@dataclass(frozen=True, slots=True)
class Searched:
    """An index that was opened and searched: seconds of each opening and each query, and the recall of fast against exact."""

    first_open_s: float
    open_s: float
    exact_s: list[float]
    fast_s: list[float]
    words_s: list[float]
    recall_at_10: float


@dataclass(frozen=True, slots=True)
class Flat:
    """The same rows in a float32 FAISS index in memory: its bytes, and the seconds of each query."""

    bytes: int
    seconds: list[float]


@dataclass(frozen=True, slots=True)
class RowFigures:
    """What an index of rows costs, each part in a process of its own."""

    built: Apart[Built]
    added: Apart[Built]
    searched: Apart[Searched]
    flat: Apart[Flat]


def measure_rows(home: Path, rows: int, queries: int) -> RowFigures:
    """Build an index of `rows` rows under `home`, publish a thousandth more on top, and search it `queries` times each way."""
    return RowFigures(
        built=apart(build, home, 0, rows),
        added=apart(build, home, rows, max(1, int(rows * ADDED_SHARE))),
        searched=apart(search, home, queries),
        flat=apart(search_flat, rows, min(queries, _BASELINE_QUERIES)),
    )


def build(home: Path, first: int, count: int, name: IndexName = _NAME) -> Built:
    """Publish `count` rows of the generator, from row `first` on, on top of those that are there."""
    paths = IndexPaths.of(home / "indexes", name)
    make_private_dirs(paths.root)
    started = time.perf_counter()
    base = Version.open(paths, name) if paths.current_number() is not None else None
    builder = VersionBuilder(paths, name, base, _EMBEDDER, (), options=_OPTIONS)
    drawing = 0.0
    for start in range(first, first + count, _BLOCK):
        began = time.perf_counter()
        vectors = draw(start, min(_BLOCK, first + count - start))
        drawing += time.perf_counter() - began
        _add(builder, start, vectors)
    publishing = time.perf_counter()
    manifest = builder.publish({"index": _OPTIONS.model_dump(mode="json")}, _ROOTS)
    ended = time.perf_counter()
    if base:
        base.close()
    return Built(
        rows=count,
        bytes=new_bytes(paths.version(manifest.version)),
        seconds=ended - started - drawing,
        publish_s=ended - publishing,
        kind=manifest.vector_index,
        recall_at_10=manifest.recall_at_10,
        segments=manifest.segments,
    )


def search(home: Path, queries: int) -> Searched:
    """Open the index twice, and search it by vector, exactly and as its version says, and by words."""
    paths = IndexPaths.of(home / "indexes", _NAME)
    time.sleep(_REST_S)
    paths.verified.unlink(missing_ok=True)
    first_open_s, version = _timed(Version.open, paths, _NAME)
    version.close()
    open_s, version = _timed(Version.open, paths, _NAME)
    exact, fast = [], []
    with version:
        for query in draw(_QUERIES_SEED, queries):
            exact.append(_timed(nearest, version, query, exact=True))
            fast.append(_timed(nearest, version, query, exact=False))
        rows = version.manifest.chunks
    found = [len(np.intersect1d(a, b)) / len(a) for (_, a), (_, b) in zip(exact, fast, strict=True)]
    return Searched(
        first_open_s=first_open_s,
        open_s=open_s,
        exact_s=[seconds for seconds, _ in exact],
        fast_s=[seconds for seconds, _ in fast],
        words_s=_search_words(home, rows, queries),
        recall_at_10=float(np.mean(found)),
    )


def search_flat(rows: int, queries: int) -> Flat:
    """Search a float32 index of the same rows: what the store is compared with."""
    index = import_faiss().IndexFlatIP(DIMENSION)
    for start in range(0, rows, _BLOCK):
        index.add(draw(start, min(_BLOCK, rows - start)))
    seconds = [_timed(index.search, query[None], _K)[0] for query in draw(_QUERIES_SEED, queries)]
    return Flat(rows * DIMENSION * 4, seconds)


def nearest(version: Version, query: Matrix, *, exact: bool) -> Ids:
    """The ids of the ten rows of all segments that are nearest to `query` (d,)."""
    found = [
        (*segment.vectors.search(query, _K, segment.live, exact=exact), segment.ids)
        for segment in version.segments.values()
    ]
    scores = np.concatenate([scores for scores, _, _ in found])
    ids = np.concatenate([ids[rows] for _, rows, ids in found])
    best: Ids = ids[np.argsort(-scores, kind="stable")[:_K]]
    return best


def draw(first: int, count: int) -> Matrix:
    """Vectors (count, 1024) float32 of unit length, the same for the same `first`."""
    space = np.random.default_rng(0)
    topics = space.standard_normal((_TOPICS, _INTRINSIC), dtype=np.float32)
    directions = space.standard_normal((_INTRINSIC, DIMENSION), dtype=np.float32)
    own = np.random.default_rng([1, first])
    inner = topics[(first + np.arange(count)) % _TOPICS]
    inner += _SPREAD * own.standard_normal((count, _INTRINSIC), dtype=np.float32)
    vectors = _unit(inner @ directions)
    noise = own.standard_normal((count, DIMENSION), dtype=np.float32)
    return _unit(vectors + noise * np.float32(_NOISE / DIMENSION**0.5))


def _unit(vectors: Matrix) -> Matrix:
    scaled: Matrix = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def _add(builder: VersionBuilder, first: int, vectors: Matrix) -> None:
    """Add rows as a run does: documents of a hundred chunks whose vectors were put before."""
    texts = [_text(row) for row in range(first, first + len(vectors))]
    chunk_keys = [hashlib.sha256(text.encode()).digest() for text in texts]
    vector_keys = [hashlib.sha256(key).digest() for key in chunk_keys]
    builder.put_vectors(vector_keys, vectors)
    for start in range(0, len(texts), _DOCUMENT):
        path = f"{first + start:08d}.txt"
        chunks = [
            NewChunk(_chunk(path, n, texts[i]), texts[i], chunk_keys[i], vector_keys[i])
            for n, i in enumerate(range(start, min(start + _DOCUMENT, len(texts))))
            if not builder.is_stored(chunk_keys[i])
        ]
        builder.add(_document(path, len(chunks)), chunks)


def _text(row: int) -> str:
    return f"topic{row % _TOPICS} common{row % 100} rare{row % 49_999} own{row}"


def _chunk(path: str, n: int, text: str) -> ChunkRecord:
    place = Place(n=n, start=100 * n, end=100 * n + len(text))
    return ChunkRecord(root=_ROOT, path=path, place=place, text=text, context="", language="en", strategy="default")


def _document(path: str, chunks: int) -> DocumentRecord:
    return DocumentRecord(
        root=_ROOT,
        path=path,
        key=hashlib.sha256(path.encode()).hexdigest(),
        size=0,
        mtime_ns=0,
        recipe="generated",
        document_type=_NAME.document_type,
        type_confidence=1.0,
        format="text",
        language="en",
        chunks=chunks,
    )


def _search_words(home: Path, rows: int, queries: int) -> list[float]:
    """Seconds of each search for three words, the commonest of which a hundredth of all rows has."""
    config = Config(home=home, config_dir=home / "config", tenant=_NAME.tenant, project=_NAME.project)
    with Searcher.open(config) as searcher:
        return [
            _timed(searcher.search, _text(row).rpartition(" ")[0], mode=Mode.TEXT, top_k=_K)[0]
            for row in range(0, rows, max(1, rows // queries))
        ]


def _timed(work: Callable[P, Result], *arguments: P.args, **options: P.kwargs) -> tuple[float, Result]:
    started = time.perf_counter()
    result = work(*arguments, **options)
    return time.perf_counter() - started, result
