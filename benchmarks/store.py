"""What the store costs: a night on which nothing changed, publishing a few changes, and a million rows.

    python -m benchmarks.store [--part unchanged|publish|rows]

It is started from the folder of the repository. Everything is made on the spot, in a temporary folder of up to 6 GB. All parts
together take about four minutes on two cores; the float32 index that rows are compared with takes up to 7 GB of memory. Files are
in the system's cache when they are read.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.store_library import Library, measure_publishes
from benchmarks.store_rows import DIMENSION, measure_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.store_library import Publishes
    from benchmarks.store_measures import Apart
    from benchmarks.store_rows import Built, RowFigures

PARTS = ("unchanged", "publish", "rows")


def main() -> None:
    """Measure what was asked for and print it."""
    asked = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="ragfactory-store-"))
    try:
        if asked.part != "rows":
            _measure_libraries(folder, asked)
        if asked.part in (None, "rows"):
            show_rows(measure_rows(folder / "rows", asked.rows, asked.queries))
    finally:
        if asked.keep:
            print(f"\nkept: {folder}")
        else:
            shutil.rmtree(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description="What the store costs.")
    parser.add_argument("--part", choices=PARTS, help="only this one")
    parser.add_argument("--files", type=int, default=10_000, help="files of a library")
    parser.add_argument("--runs", type=int, default=5, help="unchanged: how often")
    parser.add_argument("--fewer", type=int, default=1000, help="publish: files of the library to compare with")
    parser.add_argument("--changed", type=int, default=100, help="publish: files that change each time")
    parser.add_argument("--turns", type=int, default=12, help="publish: how often")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows: how many")
    parser.add_argument("--queries", type=int, default=200, help="rows: queries of each kind")
    parser.add_argument("--keep", action="store_true", help="leave the folder that was worked in")
    asked = parser.parse_args()
    if asked.changed > min(asked.files, asked.fewer):
        parser.error("--changed: no more files can change than there are")
    return asked


def _measure_libraries(folder: Path, asked: argparse.Namespace) -> None:
    library = Library(folder / "library", asked.files)
    whole = library.ingest()
    if asked.part != "publish":
        show_unchanged(asked.files, whole.seconds, [library.reindex_unchanged() for _ in range(asked.runs)])
    if asked.part != "unchanged":
        smaller = Library(folder / "smaller", asked.fewer)
        show_publishes(
            asked.changed,
            {
                asked.fewer: measure_publishes(smaller, smaller.ingest(), asked.changed, asked.turns),
                asked.files: measure_publishes(library, whole, asked.changed, asked.turns),
            },
        )


def show_unchanged(files: int, ingest_s: float, seconds: Sequence[float]) -> None:
    """Print how long a reindex takes, as a whole process, that finds nothing to do."""
    median = statistics.median(seconds)
    print(f"\nNothing changed in {files:,} files")
    _line("baseline: the first ingest", f"{ingest_s:.2f} s", f"{files / ingest_s:,.0f} files/s")
    _line(
        "reindex --quiet, the whole process", f"{min(seconds):.2f} s best", f"{median:.2f} s median of {len(seconds)}"
    )
    _line("", f"{files / median:,.0f} files/s", f"{ingest_s / median:.1f} x as fast")


def show_publishes(changed: int, libraries: Mapping[int, Publishes]) -> None:
    """Print what publishing so many changed files writes, for libraries by their number of files."""
    print(f"\nPublishing {changed:,} changed files")
    for files, publishes in libraries.items():
        whole, changes = publishes.whole, publishes.changes
        publish_s = statistics.median(change.publish_s for change in changes)
        _line(f"baseline: all {files:,} anew", _mb(whole.new_bytes), f"{whole.publish_s:.2f} s")
        _line(
            f"into {files:,}, mean of {len(changes)}",
            _mb(publishes.mean_bytes),
            f"{publish_s:.2f} s",
            f"{publishes.mean_bytes / whole.new_bytes:.3f} x the bytes of all anew",
        )
        _line("  each version's new files", *(_mb(change.new_bytes) for change in changes))
        _line("  written in all, with what was temporary", *(_mb(change.written_bytes) for change in changes))
    fewest, most = min(libraries), max(libraries)
    growth = libraries[most].mean_bytes / libraries[fewest].mean_bytes
    _line(f"into {most:,} against {fewest:,}", f"{growth:.2f} x the bytes", f"{most / fewest:.0f} x the files")


def show_rows(figures: RowFigures) -> None:
    """Print what an index of many rows costs."""
    built, searched, flat = figures.built.result, figures.searched.result, figures.flat.result
    print(f"\n{built.rows:,} rows of {DIMENSION:,} dimensions")
    _line("baseline: float32 IndexFlatIP in memory", _mb(flat.bytes), _times(flat.seconds))
    _show_built("build", figures.built, f"{built.bytes / flat.bytes:.2f} x the bytes of float32 vectors alone")
    _show_built("publish more on top", figures.added, f"{figures.added.result.bytes / built.bytes:.4f} x the bytes")
    _line("open", f"{searched.first_open_s:.2f} s hashing every file", f"{searched.open_s:.2f} s again")
    for kind, seconds in (("exact", searched.exact_s), (built.kind, searched.fast_s)):
        faster = statistics.median(flat.seconds) / statistics.median(seconds)
        _line(f"search by vector: {kind}", _times(seconds), f"{faster:.1f} x as fast as float32")
    recall = f"{searched.recall_at_10:.4f} over {len(searched.fast_s)} queries"
    _line("  recall@10 against exact", recall, f"{built.recall_at_10:.4f} in the manifest")
    _line("search by words", _times(searched.words_s))
    _line("  memory of searching at most", _mb(figures.searched.peak_bytes), "mapped files apart")


def _show_built(name: str, built: Apart[Built], ratio: str) -> None:
    result = built.result
    times = f"{result.seconds:.1f} s, of which {result.publish_s:.1f} s publishing"
    _line(f"{name}: {result.rows:,} rows", f"{result.rows / result.seconds:,.0f} rows/s", times)
    _line("", _mb(result.bytes), ratio)
    _line("  memory at most", _mb(built.peak_bytes), "mapped files apart")


def _line(name: str, *figures: str) -> None:
    print(f"  {name:<42}{'   '.join(figures)}", flush=True)


def _mb(size: float) -> str:
    return f"{size / 1e6:,.2f} MB"


def _times(seconds: Sequence[float]) -> str:
    p50, p95 = 1000 * np.quantile(seconds, [0.5, 0.95])
    return f"p50 {p50:.2f} ms, p95 {p95:.2f} ms"


if __name__ == "__main__":
    main()
