"""A GGUF that answers: on the coolest card that may, told as it is written, and what becomes of an answer when the card fails."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ragfactory.config import Config, Context
from ragfactory.config import Fleet as Settings
from ragfactory.context.llama import serving
from ragfactory.fleet.leases import holders, machine_wide
from ragfactory.retrieval.answering.gguf import CardWriter, ProcessorWriter, open_gguf
from tests import fleet
from tests.context.llama.tiny_gguf import prompts, shared_tiny_gguf
from tests.fleet.fleets import workers_of

if TYPE_CHECKING:
    from tests.fleet.nvml.simulated_box import SimulatedBox


@pytest.fixture
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_tiny_gguf(tmp_path_factory)


@pytest.fixture
def config(tmp_path: Path, gguf: Path, simulated_box: SimulatedBox, monkeypatch: pytest.MonkeyPatch) -> Config:
    """On a machine of three cards, the second of which is the coolest; llama.cpp cannot use them."""
    simulated_box.resize(3)
    simulated_box.card(1).temperature = 30
    simulated_box.write()
    monkeypatch.setenv("PYTHONPATH", str(Path(fleet.__path__[0])))
    return Config(home=tmp_path, config_dir=tmp_path, context=Context(gguf=str(gguf)), fleet=Settings(check_s=0.05))


@pytest.fixture
def on_cards(config: Config, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The same, where a worker on a card runs the model on the CPU."""
    monkeypatch.setenv("RAGFACTORY_DEVICE_HOOK", "on_cpu:fault")
    return config


def in_this_process(gguf: Path) -> str:
    writer = ProcessorWriter(gguf, Config.model_fields["context"].default.window)
    try:
        (prompt,) = prompts(documents=1, chunks=1)
        return writer.write(prompt, lambda _piece: None)
    finally:
        writer.close()


def test_the_coolest_card_writes_and_is_read_along(on_cards: Config, gguf: Path, simulated_box: SimulatedBox) -> None:
    (prompt,) = prompts(documents=1, chunks=1)
    writer = open_gguf(on_cards)
    assert isinstance(writer, CardWriter)
    try:
        told: list[str] = []
        text = writer.write(prompt, told.append)
        assert text == "".join(told) == in_this_process(gguf)
        assert len(told) > 10
        assert (writer.device, writer.notes) == ("gpu1", ())
        assert set(holders(machine_wide())) == {simulated_box.card(1).uuid}
        (worker,) = workers_of(os.getpid())
        assert writer.write(prompt, told.append) == text
        assert workers_of(os.getpid()) == [worker]
    finally:
        writer.close()
    assert workers_of(os.getpid()) == []
    assert holders(machine_wide()) == {}


def test_an_answer_begins_again_when_its_worker_dies(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "ALOUD_TARGET", "misbehaving_worker:dying_reader")
    (prompt,) = prompts(documents=1, chunks=1)
    told: list[str] = []
    writer = open_gguf(config)
    try:
        assert writer.write(prompt, told.append) == "The pump broke."
    finally:
        writer.close()
    assert "".join(told) == "The pump\n\nThe pump broke."
    assert writer.device == "cpu", "somebody waits"
    assert writer.notes == (
        "answering on gpu1: its process ended: SIGABRT",
        "answered on the CPU: no card could take the work",
    )


def test_where_llama_cpp_cannot_use_a_card_the_cpu_answers_and_a_line_says_so(config: Config, gguf: Path) -> None:
    (prompt,) = prompts(documents=1, chunks=1)
    writer = open_gguf(config)
    try:
        told: list[str] = []
        assert writer.write(prompt, told.append) == "".join(told) == in_this_process(gguf)
    finally:
        writer.close()
    assert writer.device == "cpu"
    assert "llama.cpp finds no card" in writer.notes[0]
    assert writer.notes[-1].startswith("answered on the CPU: ")


@pytest.mark.parametrize("devices", ["auto", "cpu"])
def test_without_a_card_that_may_the_model_is_in_this_process(
    on_cards: Config, simulated_box: SimulatedBox, devices: str
) -> None:
    for n in range(3):
        simulated_box.card(n).temperature = 90
    writer = open_gguf(on_cards.model_copy(update={"fleet": Settings(devices=devices)}))
    try:
        assert isinstance(writer, ProcessorWriter)
        assert writer.device == "cpu"
    finally:
        writer.close()
    assert workers_of(os.getpid()) == []
