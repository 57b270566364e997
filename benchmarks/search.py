"""What a search costs: cold and warm, embedding, and reranking, each next to sentence-transformers and faiss in the same run.

    python -m benchmarks.search [--part cold|warm|embed|rerank]

Everything is made on the spot, in a temporary folder. All parts together take about five minutes on two cores. Times are the best
of several, since other work on the machine can only add to them; files are in the system's cache when they are read.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np

from benchmarks.search_cold import measure_cold
from benchmarks.search_models import measure_embedding, measure_reranking
from benchmarks.store_rows import DIMENSION, build, draw
from ragfactory.config import Config
from ragfactory.retrieval.embedders import QueryEmbedders
from ragfactory.retrieval.search import Searcher
from ragfactory.store.layout import IndexName

if TYPE_CHECKING:
    from benchmarks.search_cold import Cold, Took
    from benchmarks.search_models import Compared

_SEVERAL = 4  # indexes that are searched together
PARTS = ("cold", "warm", "embed", "rerank")


def main() -> None:
    """Measure what was asked for and print it."""
    asked = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="ragfactory-search-"))
    try:
        for part in [asked.part] if asked.part else PARTS:
            if part == "cold":
                for document in asked.document:
                    cold = measure_cold(folder / f"cold-{document}", asked.chunks, document, asked.runs)
                    show_cold(asked.chunks, document, cold)
            elif part == "warm":
                show_warm(asked.rows, measure_warm(folder / "warm", asked.rows, asked.queries))
                show_warm_several(asked.rows, measure_warm_several(folder / "several", asked.rows, asked.queries))
            elif part == "embed":
                show_compared("embedding passages", "SentenceTransformer.encode", measure_embedding(asked.runs))
            else:
                compared = measure_reranking(folder / "rerank", asked.layers, asked.runs)
                show_compared("reranking 20 pairs of 200 tokens", "CrossEncoder.predict", compared)
    finally:
        shutil.rmtree(folder)


def measure_warm(home: Path, rows: int, queries: int) -> list[float]:
    """Seconds of each search, by words and exactly by vector, in an open index of `rows` rows; embedding the query left out."""
    build(home, 0, rows)
    return _search_warm(home, rows, queries)


def measure_warm_several(home: Path, rows: int, queries: int) -> dict[str, list[float]]:
    """The same in so many indexes that hold the rows together: searched at once, and one after the other."""
    for n in range(_SEVERAL):
        build(home, n * (rows // _SEVERAL), rows // _SEVERAL, IndexName("benchmark", "store", f"rows{n}"))
    at_once = _search_warm(home, rows, queries)
    with patch("os.cpu_count", return_value=1):  # threads for one part at a time
        return {"at once": at_once, "one after the other": _search_warm(home, rows, queries)}


def _search_warm(home: Path, rows: int, queries: int) -> list[float]:
    config = Config(home=home, config_dir=home / "config", tenant="benchmark", project="store")
    drawn = iter(draw(2**32, queries + 1))
    encode, seconds = QueryEmbedders.encode, []
    QueryEmbedders.encode = lambda _self, _query: {"0" * 64: next(drawn)}  # type: ignore[method-assign]
    try:
        with Searcher.open(config) as searcher:
            for n in range(queries + 1):
                row = n * rows // (queries + 1)
                query = f"topic{row % 1000} common{row % 100} rare{row % 49_999}"
                started = time.perf_counter()
                found = searcher.search(query, exact=True, rerank=False)
                seconds.append(time.perf_counter() - started - found.timings_ms["embed"] / 1000)
    finally:
        QueryEmbedders.encode = encode  # type: ignore[method-assign]
    return seconds[1:]  # the first has faiss imported


def show_cold(chunks: int, document: int, cold: Cold) -> None:
    """Print what whole processes take."""
    print(f"\na cold search, the whole process, {chunks:,} chunks, {document} a document, all-MiniLM-L6-v2")
    print(f"  by words           {_took(cold.text)}")
    print(f"  by words, meaning  {_took(cold.hybrid)}")
    ratio = cold.script.seconds / cold.hybrid.seconds
    print("  a script with sentence-transformers and faiss, by meaning alone", end="")
    print(f"  {_took(cold.script)}, {ratio:.1f} x as long")
    for name, seconds in cold.parts.items():
        print(f"    of it  {name:32} {1000 * seconds:6.0f} ms")


def _took(took: Took) -> str:
    return f"{took.seconds:.2f} s ({took.cpu_s:.2f} s of CPU)"


def show_warm(rows: int, seconds: list[float]) -> None:
    """Print what searches in an open index take."""
    p50, p95 = 1000 * np.percentile(seconds, [50, 95])
    print(
        f"\na warm search by words and exactly by vector, {rows:,} chunks of {DIMENSION:,} dimensions, embedding left out"
    )
    print(f"  p50 {p50:.1f} ms, p95 {p95:.1f} ms")


def show_warm_several(rows: int, measured: dict[str, list[float]]) -> None:
    """Print what searches in several open indexes take."""
    print(f"\nthe same {rows:,} chunks in {_SEVERAL} indexes")
    for way, seconds in measured.items():
        p50, p95 = 1000 * np.percentile(seconds, [50, 95])
        print(f"  {way:20} p50 {p50:.1f} ms, p95 {p95:.1f} ms")
    one, other = (float(np.median(seconds)) for seconds in measured.values())
    print(f"  one after the other takes {other / one:.2f} x as long")


def show_compared(what: str, peer: str, compared: list[Compared]) -> None:
    """Print how a model's work compares with its peer's."""
    print(f"\n{what}, on the CPU")
    for one in compared:
        ratio = one.peer_s / one.own_s
        print(f"  {one.name:24} {one.own_s:6.2f} s; {peer} {one.peer_s:.2f} s, {ratio:.1f} x as long", end="")
        print(f"; largest difference {one.difference:.1e}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description="What a search costs.")
    parser.add_argument("--part", choices=PARTS, help="only this one")
    parser.add_argument("--chunks", type=int, default=10_000, help="cold: chunks of the index")
    parser.add_argument(
        "--document", type=int, nargs="+", default=[20, 1], metavar="N", help="cold: chunks of a document"
    )
    parser.add_argument("--rows", type=int, default=100_000, help="warm: rows of the index")
    parser.add_argument("--queries", type=int, default=200, help="warm: how many")
    parser.add_argument("--layers", type=int, default=4, help="rerank: layers of the model, of bge-reranker-v2-m3's 24")
    parser.add_argument("--runs", type=int, default=5, help="how often each is timed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
