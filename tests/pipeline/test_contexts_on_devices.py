"""Runs whose contexts a GGUF writes: the real llama.cpp on a tiny model, on the CPU and on cards that take turns."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ragfactory import events
from ragfactory.context.templates import LANGUAGES
from ragfactory.errors import ExitCode
from ragfactory.pipeline import intake, vectors
from tests import fleet
from tests.context.llama.tiny_gguf import INSTRUCTIONS, shared_tiny_gguf
from tests.fleet.fleets import workers_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.events import Event
    from tests.conftest import Workplace
    from tests.fleet.nvml.simulated_box import SimulatedBox

PROFILE = """
name = "facts"
[recognise]
weight = 0
[chunk]
strategy = "words"
size = 9
overlap = 0
[enrich]
writer = "llama"
prompts = "words"
analysis = "rule"
"""


@pytest.fixture
def reports(workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Four documents of three passages in the words that the tiny model was trained on."""
    folder = workplace.path / "profiles"
    (folder / "words").mkdir(parents=True)
    (folder / "facts.toml").write_text(PROFILE)
    for language in LANGUAGES:
        (folder / "words" / f"{language}.txt").write_text(
            f"{INSTRUCTIONS}\n---\nDocument: {{document}}\n---\nPassage: {{passage}}\n---\nOne sentence.\n"
        )
    workplace.config.models.mkdir(parents=True)
    (workplace.config.models / "tiny.gguf").symlink_to(shared_tiny_gguf(tmp_path_factory))
    costs = [("roof", "Amsterdam", 2019), ("garden", "Paris", 2021), ("cellar", "Leeds", 2023)]
    for n in range(4):
        told = (f"The {what} in {where} cost 12,000 euro in {year - n}." for what, where, year in costs)
        workplace.write(f"costs-{n}.txt", " ".join(told))
    return workplace


def test_a_model_on_this_machine_writes_what_each_passage_is_about(
    reports: Workplace,
) -> None:
    heard: list[Event] = []
    report = reports.ingest(profile="facts", listener=heard.append)
    assert (report.exit_code, report.contexts_missing) == (ExitCode.OK, 0)
    assert report.contexts_written + report.contexts_refused == report.chunks_made
    assert report.contexts_written > 0, "the model was trained to write them"
    written = [event for event in heard if isinstance(event, events.Worked) and event.role == "write"]
    assert {event.device for event in written} == {"cpu"}
    assert any(hit.chunk.context_enriched for hit in reports.search("what the roof in Amsterdam cost").hits)
    (reports.config.models / "tiny.gguf").rename(reports.config.models / "renamed.gguf")
    again = reports.ingest(profile="facts")
    assert (again.files_unchanged, again.stages["enrich"].items) == (4, 0)


@contextmanager
def workers_counted() -> Iterator[list[int]]:
    """How many workers this process has, every 20 ms."""
    seen: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            seen.append(len(workers_of(os.getpid())))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def test_writer_and_embedder_take_turns_on_a_card_that_has_no_memory_for_both(
    reports: Workplace, simulated_box: SimulatedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated_box.resize(1)
    simulated_box.write()
    monkeypatch.setenv("PYTHONPATH", str(Path(fleet.__path__[0])))
    monkeypatch.setenv("RAGFACTORY_DEVICE_HOOK", "on_cpu:fault")
    monkeypatch.setattr(intake, "IN_FLIGHT", 3)
    monkeypatch.setattr(vectors, "TURN", 3)
    monkeypatch.setattr(vectors, "CARD_BATCH", 2)
    small = {"devices": "0", "check_s": 0.05, "embed_mb": 7500, "keep_free_mb": 0, "unload": "never"}
    settings = reports.config.fleet.model_copy(update=small)
    reports.config = reports.config.model_copy(update={"fleet": settings, "parsers": 1})
    heard: list[Event] = []
    with workers_counted() as workers:
        report = reports.ingest(profile="facts", listener=heard.append)
    assert (report.exit_code, report.contexts_missing, report.files_added) == (ExitCode.OK, 0, 4)
    worked = [(event.role, event.device) for event in heard if isinstance(event, events.Worked)]
    assert {device for _, device in worked} == {"gpu0"}
    turns = [role for role, _ in groupby(role for role, _ in worked)]
    assert turns[0] == "write"
    assert len(turns) > 2, "the card changes its role more than once"
    assert max(workers) == 1, "there is never memory for two"
