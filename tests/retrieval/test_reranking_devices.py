"""Where a reranker runs: on one card, the coolest that may, for as long as somebody asks; or else on the CPU, in this process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ragfactory.embedding import locate
from ragfactory.errors import DeviceUnavailableError, ModelUnavailableError
from ragfactory.fleet.leases import holders, machine_wide
from ragfactory.retrieval.finding import Found, found_of
from ragfactory.retrieval.live import LiveSearch
from ragfactory.retrieval.search import Searcher
from tests import fleet
from tests.fleet.fleets import workers_of
from tests.tiny_reranker import SPEC

if TYPE_CHECKING:
    from tests.conftest import Workplace
    from tests.fleet.nvml.simulated_box import SimulatedBox

QUERY = "cellar"


@pytest.fixture
def cards(simulated_box: SimulatedBox, monkeypatch: pytest.MonkeyPatch) -> SimulatedBox:
    """Three cards whose workers run on the CPU; the second is the coolest."""
    simulated_box.resize(3)
    simulated_box.card(1).temperature = 30
    simulated_box.write()
    monkeypatch.setenv("PYTHONPATH", str(Path(fleet.__path__[0])))
    monkeypatch.setenv("RAGFACTORY_DEVICE_HOOK", "on_cpu:fault")
    return simulated_box


@pytest.fixture
def place(own_library: Workplace, tiny_reranker: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """A library on a machine that has a reranker."""
    monkeypatch.setattr(locate, "BGE_RERANKER_V2_M3", SPEC)
    folder = own_library.config.models / SPEC.name
    folder.parent.mkdir(exist_ok=True)
    folder.symlink_to(tiny_reranker)
    return own_library


def on(place: Workplace, devices: str) -> None:
    changed = place.config.fleet.model_copy(update={"devices": devices, "check_s": 0.001})
    place.config = place.config.model_copy(update={"fleet": changed})


def find(searcher: Searcher, query: str) -> Found:
    return found_of(searcher, searcher.search(query), top_k=5)


def test_the_coolest_card_does_what_the_cpu_does(place: Workplace, cards: SimulatedBox) -> None:
    on(place, "auto")
    with Searcher.open(place.config) as searcher:
        result = searcher.search(QUERY, top_k=50)
        assert (result.devices, result.notes) == ({"rerank": "gpu1"}, ())
        assert set(holders(machine_wide())) == {cards.card(1).uuid}
        assert len(workers_of(os.getpid())) == 1
    assert holders(machine_wide()) == {}
    assert workers_of(os.getpid()) == []
    on(place, "cpu")
    with Searcher.open(place.config) as searcher:
        alone = searcher.search(QUERY, top_k=50)
        assert alone.devices == {"rerank": "cpu"}
        assert workers_of(os.getpid()) == []
    assert [hit.chunk_hash for hit in alone.hits] == [hit.chunk_hash for hit in result.hits]
    assert [hit.rerank for hit in alone.hits] == pytest.approx([hit.rerank for hit in result.hits], abs=0.02)


def test_the_model_stays_from_question_to_question_and_from_version_to_version(
    place: Workplace, cards: SimulatedBox
) -> None:
    on(place, "auto")
    with LiveSearch(place.config, None, find) as live:
        live.search(QUERY)
        (worker,) = workers_of(os.getpid())
        cards.card(0).temperature = 20  # cooler now; but the model is where it is
        live.search("pump valve")
        before = live.searcher
        on(place, "cpu")
        place.write("new.md", "# Cellar\n\nThe cellar of the hotel was dry all winter.")
        place.ingest()
        found = live.search(QUERY).result
        assert live.searcher is not before
        assert found.devices == {"rerank": "gpu1"}
        assert workers_of(os.getpid()) == [worker]
    assert workers_of(os.getpid()) == []
    assert holders(machine_wide()) == {}


def test_where_no_card_may_work_now_nobody_waits_for_one(place: Workplace, cards: SimulatedBox) -> None:
    on(place, "auto")
    for n in range(3):
        cards.card(n).temperature = 90
    with Searcher.open(place.config) as searcher:
        result = searcher.search(QUERY)
        assert (result.devices, result.notes) == ({"rerank": "cpu"}, ())
        assert workers_of(os.getpid()) == []


def test_a_card_that_gets_hot_hands_over(place: Workplace, cards: SimulatedBox) -> None:
    on(place, "auto")
    with Searcher.open(place.config) as searcher:
        assert searcher.search(QUERY).devices == {"rerank": "gpu1"}
        cards.card(1).temperature = 90
        cards.card(2).temperature = 25
        assert searcher.search(QUERY).devices == {"rerank": "gpu2"}


def test_a_card_that_fails_over_a_question_leaves_it_to_the_cpu(
    place: Workplace, cards: SimulatedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(place, "cpu")
    place.write("bad.md", "# Cellar\n\nThe cellar [[abort on cards]] is a riddle.")
    place.ingest()
    settings = place.config.fleet.model_copy(
        update={"devices": "auto", "check_s": 600.0}
    )  # no look but that after a loss
    config = place.config.model_copy(update={"fleet": settings})
    with LiveSearch(config, None, find) as live:
        found = live.search(QUERY).result
        assert found.devices == {"rerank": "cpu"}
        assert [note for note in found.notes if "gpu" in note] == ["reranking on gpu1: its process ended: SIGABRT"]
        assert "reranked on the CPU: no card could take the work" in found.notes
        assert found.degraded
        assert "lexical" in live.search(QUERY).result.timings_ms, "it is not remembered"


def test_what_no_device_can_score_is_not_reranked_and_a_line_says_so(place: Workplace, cards: SimulatedBox) -> None:
    on(place, "cpu")
    place.write("bad.md", "# Cellar\n\nThe cellar [[raise]] is a riddle.")
    place.ingest()
    on(place, "auto")
    with Searcher.open(place.config) as searcher:
        result = searcher.search(QUERY)
        assert result.devices == {}
        assert {hit.rerank for hit in result.hits} == {None}
        assert result.notes[-1].startswith(f"not reranked: {SPEC.name} could not score a passage")
        with pytest.raises(ModelUnavailableError, match="could not score a passage"):
            searcher.search(QUERY, rerank=True)


def test_a_card_that_is_not_there_is_an_error_only_where_reranking_was_asked_for(
    place: Workplace, cards: SimulatedBox
) -> None:
    on(place, "7")
    with Searcher.open(place.config) as searcher:
        (note,) = searcher.search(QUERY).notes
        assert note.startswith("not reranked: devices 7: this machine has no card 7")
        with pytest.raises(DeviceUnavailableError):
            searcher.search(QUERY, rerank=True)
