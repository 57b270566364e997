"""Building an accelerator for a segment, with the search settings that reach the recall wanted.

All kinds name candidates, which are scored with the exact vectors:
- ivf: lists around centroids, 8 bits a number
- rabitq: lists around centroids, 1 bit a number (Gao and Long, "RaBitQ", SIGMOD 2024)
- hnsw: a graph over the exact vectors (Malkov and Yashunin, "Hierarchical navigable small world graphs", TPAMI 2020)
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ragfactory.store.faiss_files import import_faiss, save_index
from ragfactory.store.recall import Recall
from ragfactory.store.records import FastEntry
from ragfactory.store.vectors import VectorFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ragfactory.profiles import Index as IndexOptions
    from ragfactory.store.vectors import Matrix

    Settings: TypeAlias = dict[str, int]

Kind: TypeAlias = Literal["ivf", "hnsw", "rabitq"]

DEFAULT_KIND: Kind = "rabitq"
FAST_FROM = 200_000  # rows of an index; `auto` is exact up to here
MIN_ROWS = 10_000  # of a segment; fewer are searched exactly in well under a millisecond

_BLOCK = 8192  # rows in memory as float32 at a time
_TRAIN_PER_LIST = 64
_TRAIN_ROWS = 32_768
_SEED = 20_240_521

# Where tuning starts and ends. nprobe ends at the number of lists.
_FIRST: dict[Kind, Settings] = {
    "ivf": {"nprobe": 8, "refine": 2},
    "rabitq": {"nprobe": 8, "refine": 4},
    "hnsw": {"ef_search": 32},
}
_LAST = {"refine": 64, "ef_search": 4096}


def kind_for(options: IndexOptions, rows: int) -> Kind | None:
    """The kind of accelerator that segments of an index with so many rows get; None when it is searched exactly."""
    match options.kind:
        case "exact" | "flat":
            return None
        case "auto":
            return DEFAULT_KIND if rows > FAST_FROM else None
        case kind:
            return kind


def worth_it(rows: int) -> bool:
    """Whether a segment of so many rows is large enough for an accelerator."""
    return rows >= MIN_ROWS


def build_fast(path: Path, exact: VectorFile, kind: Kind, options: IndexOptions) -> FastEntry | None:
    """Write an accelerator for the rows of `exact`, some hundreds at least, and say how to search it.

    Search settings are raised until the recall that `Recall` measures is `options.recall`; None, and no file, when it stays under
    that. A setting given in `options` is kept as it is, and then so is what recall there is.

    Memory holds a block of vectors, a sample to train on, and what is built: a byte a number for ivf, a bit for rabitq, the exact
    codes and the links for hnsw. Building ivf and rabitq again gives the same file; a graph is built by threads and differs a
    little. Raises OSError when the disk refuses.
    """
    build = _build_settings(kind, exact.rows, options)
    if kind == "hnsw":
        save_index(path, _graph(exact, build), import_faiss().IO_FLAG_SKIP_STORAGE)
    else:
        save_index(path, _lists(exact, kind, build))
    recall = Recall.of(exact)

    def measured(search: Settings) -> FastEntry:
        entry = FastEntry(kind=kind, build=build, search=search, recall=0, queries=len(recall.queries))
        found = recall.measure(VectorFile.at(exact.path, exact.rows, exact.codec, (path, entry)))
        return entry.model_copy(update={"recall": found})

    pinned = {name: value for name in _FIRST[kind] if (value := getattr(options, name)) is not None}
    ends = _LAST | {"nprobe": build.get("nlist", 0)}
    free = {name: ends[name] for name in _FIRST[kind].keys() - pinned.keys()}
    entry = _tune(measured, _FIRST[kind] | pinned, free, options.recall)
    if entry.recall < options.recall and not pinned:
        path.unlink()
        return None
    return entry


def _tune(
    measured: Callable[[Settings], FastEntry], first: Settings, ends: Mapping[str, int], wanted: float
) -> FastEntry:
    """Double one setting at a time, the one that helps most, until recall is as wanted or all settings are at their ends.

    Returns the settings of the highest recall, the cheapest of equals.
    """
    best = last = measured(first)
    while last.recall < wanted:
        steps = [
            last.search | {name: min(2 * last.search[name], end)}
            for name, end in sorted(ends.items())
            if last.search[name] < end
        ]
        if not steps:
            break
        last = max(map(measured, steps), key=_recall)
        best = max(best, last, key=_recall)
    return best


def _recall(entry: FastEntry) -> float:
    return entry.recall


def _build_settings(kind: Kind, rows: int, options: IndexOptions) -> Settings:
    if kind == "hnsw":
        return {"m": options.m or 32, "ef_construction": 200}
    return {"nlist": min(options.nlist or isqrt(rows), rows)}


def _graph(exact: VectorFile, build: Settings) -> Any:
    index = import_faiss().IndexHNSW(exact.codec.empty_index(), build["m"])
    index.hnsw.efConstruction = build["ef_construction"]
    for block in _blocks(exact):
        index.add(block)
    return index


def _lists(exact: VectorFile, kind: Kind, build: Settings) -> Any:
    index = _empty_lists(kind, exact.codec.dimension, build["nlist"])
    index.cp.min_points_per_centroid = 1  # a small sample is meant, not worth FAISS's warning
    index.train(_sample(exact, build["nlist"]))
    for block in _blocks(exact):
        index.add(block)
    return index


def _empty_lists(kind: Kind, dimension: int, nlist: int) -> Any:
    faiss = import_faiss()
    centroids, metric = faiss.IndexFlatIP(dimension), faiss.METRIC_INNER_PRODUCT
    if kind == "ivf":
        bits = faiss.ScalarQuantizer.QT_8bit
        return faiss.IndexIVFScalarQuantizer(centroids, dimension, nlist, bits, metric, False)
    index = faiss.IndexIVFRaBitQ(centroids, dimension, nlist, metric)
    index.qb = 8  # bits a number of the query, read back with the file
    return index


def _sample(exact: VectorFile, nlist: int) -> Matrix:
    """Rows to train on, (n, d): some for each list, but not more than memory should hold."""
    wanted = max(nlist, min(_TRAIN_PER_LIST * nlist, _TRAIN_ROWS))
    chosen = np.random.default_rng(_SEED).choice(exact.rows, min(wanted, exact.rows), replace=False)
    return exact.codec.decode(exact.gather(np.sort(chosen)))


def _blocks(exact: VectorFile) -> Iterator[Matrix]:
    for first in range(0, exact.rows, _BLOCK):
        yield exact.codec.decode(exact.gather(np.arange(first, min(first + _BLOCK, exact.rows))))
