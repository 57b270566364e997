"""How fast this machine takes a folder in, and how fast it reads tables beside PyMuPDF's own `find_tables`."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragfactory.documents.formats.pdf import parse
from ragfactory.documents.pdf.assemble import assemble
from ragfactory.documents.pdf.opening import open_pdf, read_info
from ragfactory.documents.pdf.reading import read_pages
from ragfactory.pipeline.ingest import ingest
from ragfactory.pipeline.scan import scan
from ragfactory.profiles import Parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.config import Config
    from ragfactory.events import Listener
    from ragfactory.pipeline.run import RunOptions
    from ragfactory.reporting.report import RunReport


@dataclass(frozen=True, slots=True)
class TableRace:
    """Seconds that both took over the same PDF pages, all of them with tables.

    `ours` is everything: text, columns, headings and tables. `find_tables` is PyMuPDF's search for tables and their text alone.
    """

    pages: int
    ours_s: float
    find_tables_s: float

    @property
    def ratio(self) -> float:
        """How many times as fast ours is; 0 when there was no page."""
        return self.find_tables_s / self.ours_s if self.ours_s else 0.0


@dataclass(frozen=True, slots=True)
class IngestBenchmark:
    """A first run over a folder, a second one with nothing to do, and the race over its tables."""

    first: RunReport
    second: RunReport
    tables: TableRace


def benchmark_ingest(
    paths: Sequence[Path], profile: str, options: RunOptions, config: Config, listener: Listener, *, max_pages: int
) -> IngestBenchmark:
    """Take `paths` in twice, in a home of its own that is removed again, and race over at most `max_pages` pages with tables."""
    with tempfile.TemporaryDirectory(prefix="ragfactory-bench-") as home:
        # The models stay where they are; everything else is new.
        trial = config.model_copy(update={"home": Path(home)})
        Path(home, "models").symlink_to(config.models)
        first = ingest(paths, trial, listener, profile=profile, options=options)
        second = ingest(paths, trial, listener, profile=profile, options=options)
    # What the sandbox could not read is not read out here either.
    failed = {(entry["root"], entry["path"]) for entry in first.failed}
    files = [source.path for source in scan(paths).sources if source.identity not in failed]
    return IngestBenchmark(first, second, race_tables(files, max_pages))


def race_tables(files: Sequence[Path], max_pages: int) -> TableRace:
    """Read the pages that hold tables, PDF by PDF in turn with `find_tables`, so that a slow moment hits both."""
    pages = 0
    ours = theirs = 0.0
    for file in files:
        if file.suffix.lower() != ".pdf" or pages >= max_pages:
            continue
        numbers = sorted({block.page for block in parse(file, Parse()).tables() if block.page})[: max_pages - pages]
        if numbers:
            pages += len(numbers)
            ours += _read(file, numbers)
            theirs += _find_tables(file, numbers)
    return TableRace(pages, ours, theirs)


def _read(file: Path, numbers: list[int]) -> float:
    with open_pdf(file) as document:
        started = time.perf_counter()
        assemble(read_pages(document, numbers, "auto"), read_info(document), "auto")
        return time.perf_counter() - started


def _find_tables(file: Path, numbers: list[int]) -> float:
    with open_pdf(file) as document:
        started = time.perf_counter()
        for number in numbers:
            for table in document[number - 1].find_tables().tables:  # type: ignore[no-untyped-call]
                table.extract()
        return time.perf_counter() - started
