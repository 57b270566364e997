"""An archive of documents that differ in everything a filter can ask for, stored without a run, so that all of it is known."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from ragfactory.config import Config
from ragfactory.embedding import engine
from ragfactory.embedding.locate import resolve
from ragfactory.profiles import Index
from ragfactory.retrieval.search import Searcher
from ragfactory.store.layout import IndexName, IndexPaths
from ragfactory.store.publish import NewChunk, Repeated, VersionBuilder
from ragfactory.store.records import ChunkRecord, DocumentRecord, EmbedderEntry, Place, RootEntry
from ragfactory.store.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NAME = IndexName("default", "default", "algemeen")
MINILM = "all-minilm-l6-v2"


@dataclass(frozen=True)
class Passage:
    """A chunk of a document of the archive."""

    text: str
    page: int | None = None
    page_end: int | None = None
    headings: tuple[str, ...] = ()
    language: str = "en"
    context: str = ""


@dataclass(frozen=True)
class Paper:
    """A document of the archive."""

    path: str
    passages: tuple[Passage, ...]
    root: str = "/archive"
    format: str = "pdf"
    language: str = "en"
    title: str | None = None
    modified: str = "2024-03-01"
    metadata: dict[str, Any] = field(default_factory=dict)


SHARED = "Copyright rests with the publisher of this pump manual."
FIRST = (
    Paper(
        "reports/2023.pdf",
        (
            Passage("Pump revenue rose in the north.", 1, 1, ("Results", "North")),
            Passage("Pump revenue fell in the south.", 1, 2, ("Results", "South")),
            Passage(SHARED, 12, 12, ("Colophon",)),
        ),
        title="Annual report 2023",
        metadata={"years": [2023], "author": "Anna"},
    ),
    Paper(
        "reports/2024.PDF",
        (
            Passage("Valve revenue doubled.", 2, 4, ("Results",)),
            Passage("Le chiffre d'affaires des pompes recule.", 9, 10, (), "fr", "Annexe"),
            Passage(SHARED, 30, 30, ("Imprint",)),
        ),
        title="Annual report 2023/2024",
        modified="2025-01-31",
        metadata={"years": [2023, 2024], "author": "Bob", "draft": True},
    ),
)
SECOND = (
    Paper(
        "notes/crèche.md",
        (Passage("The pump of the day nursery squeaks.", context="Minutes"), Passage(SHARED)),
        root="/elsewhere",
        format="markdown",
        modified="2023-12-31",
        metadata={"author": "Anna", "revision": "10"},
    ),
    Paper("notes/empty.md", (Passage("Nothing but a valve."),), format="markdown", modified="1969-12-31"),
)
PAPERS = (*FIRST, *SECOND)


def _store(paths: IndexPaths, config: Config, papers: Sequence[Paper]) -> None:
    """Publish a version with `papers` added."""
    model = resolve(MINILM, config.models)
    embedder = engine.open_embedder(model)
    entry = EmbedderEntry(name=MINILM, fingerprint=embedder.fingerprint, dimension=embedder.dimension)
    base = Version.open(paths, NAME) if paths.current_number() is not None else None
    builder = VersionBuilder(paths, NAME, base, entry, (), options=Index())
    for paper in papers:
        chunks: list[NewChunk | Repeated] = []
        for n, passage in enumerate(paper.passages):
            place = Place(n=n, start=0, end=1, page=passage.page, page_end=passage.page_end, headings=passage.headings)
            key = hashlib.sha256(passage.text.encode()).digest()
            if builder.is_stored(key):
                chunks.append(Repeated(place, key))
                continue
            builder.put_vectors([key], embedder.encode([passage.text]).vectors)
            record = ChunkRecord(
                root=paper.root, path=paper.path, place=place, text=passage.text, context=passage.context,
                language=passage.language, strategy="default",
            )  # fmt: skip
            chunks.append(NewChunk(record, passage.text, key, key))
        builder.add(_record(paper), chunks)
    roots = {paper.root: RootEntry(path=paper.root, whole=True, profile="auto") for paper in papers}
    builder.publish({}, roots)
    if base is not None:
        base.close()


def _record(paper: Paper) -> DocumentRecord:
    day = datetime.fromisoformat(paper.modified).replace(hour=12, tzinfo=UTC)
    return DocumentRecord(
        root=paper.root, path=paper.path, key="0" * 64, size=1000, mtime_ns=int(day.timestamp()) * 10**9, recipe="r",
        document_type=NAME.document_type, type_confidence=1.0, format=paper.format, language=paper.language,
        title=paper.title, pages=30 if paper.format == "pdf" else None, chunks=len(paper.passages),
        metadata=paper.metadata,
    )  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, minilm_loaded_once: None) -> Iterator[Searcher]:
    """The archive, open for searching: two segments, and a passage that three documents hold."""
    home = tmp_path_factory.mktemp("archive")
    config = Config(home=home, config_dir=home / "config")
    paths = IndexPaths.of(config.indexes, NAME)
    paths.root.mkdir(parents=True)
    for papers in (FIRST, SECOND):
        _store(paths, config, papers)
    with Searcher.open(config) as searcher:
        yield searcher
