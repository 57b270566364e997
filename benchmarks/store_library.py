"""A folder of small files and its index: what a night costs on which nothing changed, or a little.

The files are real and pass through the whole pipeline; the model is a random one, of the shape and size of vector of bge-m3 but one
layer deep, since what a vector costs is not the question here.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.store_measures import new_bytes
from ragfactory.config import Config
from ragfactory.embedding.catalog import BGE_M3
from ragfactory.pipeline.ingest import ingest
from ragfactory.pipeline.reindex import Selection, reindex
from ragfactory.store.layout import IndexName, IndexPaths
from tests.tiny_model import write_tiny_bge_m3

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ragfactory.events import Event
    from ragfactory.reporting.report import RunReport

_PROFILE = "algemeen"
_IN_A_FOLDER = 100
_BLOCK = 512  # bytes: what getrusage(2) counts writes in


@dataclass(frozen=True, slots=True)
class Publish:
    """A version and what it cost: the bytes of its new files, all bytes that the run wrote (the log of vectors, temporary files and
    the report with them), the seconds of the run, and those of publishing.
    """

    new_bytes: int
    written_bytes: int
    seconds: float
    publish_s: float


@dataclass(frozen=True, slots=True)
class Publishes:
    """The publish of a whole folder, and those of some of its files that changed, one after the other."""

    whole: Publish
    changes: tuple[Publish, ...]

    @property
    def mean_bytes(self) -> float:
        """New bytes of a publish of changes, on average."""
        return sum(publish.new_bytes for publish in self.changes) / len(self.changes)


class Library:
    """Files in a folder, and a home that they are taken into."""

    def __init__(self, folder: Path, files: int) -> None:
        """Write so many files, and a model."""
        self._docs = folder / "docs"
        self._config = Config(home=folder / "home", config_dir=folder / "config", embedder=BGE_M3.name)
        self._paths = IndexPaths.of(self._config.indexes, IndexName("default", "default", _PROFILE))
        self._files = [self._docs / f"{n // _IN_A_FOLDER:03d}" / f"{n % _IN_A_FOLDER:02d}.txt" for n in range(files)]
        for n, file in enumerate(self._files):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"de waarde van het gebouw {n}", encoding="utf-8")
        model = self._config.models / BGE_M3.name
        model.mkdir(parents=True)
        write_tiny_bge_m3(model)

    def ingest(self) -> Publish:
        """Take all files in."""
        return self._publish(lambda: ingest([self._docs], self._config, _ignore, profile=_PROFILE))

    def change(self, files: int, turn: int) -> Publish:
        """Change so many files, spread over all and other ones each turn, and bring the index up to date."""
        step = len(self._files) // files
        for n in range(files):
            with self._files[(n * step + turn) % len(self._files)].open("a", encoding="utf-8") as file:
                file.write(f", omzet {turn}")
        return self._publish(lambda: reindex(self._config, _ignore, selection=Selection()).report)

    def reindex_unchanged(self) -> float:
        """The seconds that the whole process of a reindex takes when nothing changed."""
        environment = os.environ | {"RAGFACTORY_CONFIG": str(self._config.config_dir)}
        command = [sys.executable, "-m", "ragfactory", "reindex", "--quiet", "--home", str(self._config.home)]
        started = time.perf_counter()
        subprocess.run(command, env=environment, check=True)
        return time.perf_counter() - started

    def _publish(self, run: Callable[[], RunReport]) -> Publish:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_oublock
        report = run()
        written = resource.getrusage(resource.RUSAGE_SELF).ru_oublock - before
        (published,) = report.published
        return Publish(
            new_bytes=new_bytes(self._paths.version(published["version"])),
            written_bytes=written * _BLOCK,
            seconds=report.seconds,
            publish_s=report.stages["publish"].seconds,
        )


def measure_publishes(library: Library, whole: Publish, changed: int, turns: int) -> Publishes:
    """Change `changed` files of a library and publish them, `turns` times over."""
    return Publishes(whole, tuple(library.change(changed, turn) for turn in range(turns)))


def _ignore(_event: Event) -> None:
    """Listen to nothing."""
