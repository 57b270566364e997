"""A workplace for tests that run the whole line: folders, a home, the real MiniLM loaded once a process, and a small library."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from ragfactory.config import Config
from ragfactory.embedding import engine
from ragfactory.fleet import marks
from ragfactory.pipeline.ingest import ingest
from ragfactory.pipeline.reindex import Reindexed, Selection, reindex
from ragfactory.pipeline.run import RunOptions
from ragfactory.retrieval.results import Mode
from ragfactory.retrieval.search import Searcher
from tests.fleet.nvml.simulated_box import SimulatedBox, build_library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ragfactory.embedding.catalog import ResolvedModel
    from ragfactory.embedding.model import Embedder
    from ragfactory.events import Event, Listener
    from ragfactory.reporting.report import RunReport
    from ragfactory.retrieval.results import SearchResult

# A shell has what it runs in the background hear no Ctrl-C, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A machine that is busy with other things stops for a fifth of a second now and then: no property is broken by that. Properties are
# tried on the same examples every time, so that a change is judged by what it changes; with EXPLORE=1, on new ones.
settings.register_profile(
    "any machine",
    deadline=None,
    derandomize="EXPLORE" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any machine")

MINILM = "all-minilm-l6-v2"
EVERYTHING = Selection()

DOCUMENTS = {
    "stock/pump.txt": "You should order part XK-4471 when the pump on the roof is broken, because no other part will fit.",
    "stock/valve.txt": "You should order part XK-4472 when the valve in the cellar is broken, because no other part will fit.",
    "stock/filter.txt": "You should order part XK-4473 when the filter in the kitchen is broken, because no other part will fit.",
    "garage.md": "# Garage\n\nOur mechanic fixed the brakes of both cars before the winter.",
    "kitchen.md": "# Restaurant\n\nThe chef prepares soup from vegetables of the garden every morning.",
    "chat-anna.txt": (
        "Coach: Welcome back. How are you feeling since the last session?\n"
        "Anna: Better, thank you. I kept to the action points.\n"
        "Coach: What would you like to achieve this time?\n"
        "Anna: More confidence when I set boundaries at work.\n"
    ),
    "hotel.txt": "Het hotel heeft vier gebouwen, en in de crèche spelen kinderen onder toezicht van een juf.",
}


def ignore(_event: Event) -> None:
    """Listen to nothing."""


class Workplace:
    """Folders of documents under `path`, and a home that they are taken into."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.docs = path / "docs"
        self.docs.mkdir(exist_ok=True)
        self.config = Config(home=path / "home", config_dir=path / "config", embedder=MINILM, parsers=1)

    def copied_to(self, path: Path) -> Workplace:
        """A workplace of the same content; what was taken in there are the documents here."""
        shutil.copytree(self.path, path, dirs_exist_ok=True)
        return Workplace(path)

    def write(self, name: str, text: str, *, root: str = "docs") -> Path:
        """Write a file below a folder of documents."""
        file = self.path / root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def ingest(self, *paths: Path, profile: str = "algemeen", listener: Listener = ignore, **options: Any) -> RunReport:
        """Take the documents in, by default all of the folder `docs` under one profile."""
        asked = RunOptions(**options)
        return ingest(paths or (self.docs,), self.config, listener, profile=profile, options=asked)

    def reindex(self, selection: Selection = EVERYTHING, *, listener: Listener = ignore, **options: Any) -> Reindexed:
        """Bring what was taken in up to date."""
        return reindex(self.config, listener, selection=selection, options=RunOptions(**options))

    def search(
        self, query: str, document_type: str | None = None, *, mode: Mode = Mode.HYBRID, top_k: int = 5
    ) -> SearchResult:
        """Search what was taken in."""
        with Searcher.open(self.config, document_type) as searcher:
            return searcher.search(query, mode=mode, top_k=top_k)

    def places(self, query: str) -> list[list[str]]:
        """For each passage that holds a word of the query, the documents it stands in."""
        hits = self.search(query, mode=Mode.TEXT).hits
        return [[hit.at.doc_id, *(other.doc_id for other in hit.others)] for hit in hits]


@pytest.fixture(scope="session")
def minilm_loaded_once() -> Iterator[None]:
    """Every run of this process shares one loaded model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "open_embedder", loaded_once(engine.open_embedder))
        yield


def loaded_once(load: Callable[..., Embedder]) -> Callable[..., Embedder]:
    """The same, with one model for all homes: they differ in the place where its hashes are remembered."""
    loaded: dict[object, Embedder] = {}

    def load_once(model: ResolvedModel, **options: Any) -> Embedder:
        key = model.path, model.spec, tuple(options.items())
        if key not in loaded:
            loaded[key] = load(model, **options)
        return loaded[key]

    return load_once


@pytest.fixture(scope="session")
def tiny_reranker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a cross-encoder that was trained to tell overlap."""
    from tests.tiny_reranker import write_tiny_reranker

    folder = tmp_path_factory.mktemp("reranker")
    write_tiny_reranker(folder)
    return folder


@pytest.fixture
def workplace(tmp_path: Path, minilm_loaded_once: None, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    monkeypatch.chdir(tmp_path)  # the working directory may hold profiles
    return Workplace(tmp_path)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory, minilm_loaded_once: None) -> Workplace:
    """A small company's documents, taken in by type. Tests do not change it."""
    place = Workplace(tmp_path_factory.mktemp("library"))
    for name, text in DOCUMENTS.items():
        place.write(name, text)
    report = place.ingest(profile="auto")
    assert not report.failed
    return place


@pytest.fixture
def own_library(library: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """A copy of the library, for a test that changes it."""
    monkeypatch.chdir(tmp_path)
    return library.copied_to(tmp_path)


@pytest.fixture
def own_mark(monkeypatch: pytest.MonkeyPatch) -> str:
    """The variable that marks workers, one of this process alone: those of runs and tests beside it are neither seen nor ended."""
    name = f"{marks.VARIABLE}_{os.getpid()}"
    monkeypatch.setattr(marks, "VARIABLE", name)
    return name


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def simulated_box(nvml_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedBox]:
    """Eight RTX 3060 Ti, and a folder of leases that no run but those of the test knows.

    Change them at any time, such as `simulated_box.card(3).temperature = 80`.
    """
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    box = SimulatedBox(tmp_path / "scenario")
    box.install(nvml_library, monkeypatch)
    box.write()
    yield box
    for part in (box, *box.cards):  # lets the thread of a call that hangs come back
        part.recover()
