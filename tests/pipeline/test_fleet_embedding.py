"""The real MiniLM on a fleet of two CPU workers, next to the same model in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragfactory import events
from ragfactory.embedding.engine import open_embedder
from ragfactory.embedding.locate import resolve
from ragfactory.embedding.serving import TARGET, setup_of
from ragfactory.errors import EmbeddingFailedError
from ragfactory.fleet.model import Device, Verdict
from ragfactory.fleet.process import Job
from ragfactory.fleet.scheduler import Fleet
from ragfactory.pipeline.fleet_embedding import FleetEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ragfactory.embedding.catalog import ResolvedModel
    from ragfactory.events import Event
    from ragfactory.fleet.model import Role

POISON = "a text that no model survives"
TEXTS = [f"Building {n} was valued at {n * 1000} euro. " * (1 + n % 9) for n in range(60)] + ["long " * 600, ""]

HOOK = """
import torch

def hook(device, payloads, tokens):
    if len(payloads) > 8:
        raise torch.OutOfMemoryError(f"{len(payloads)} texts do not fit")
    if any(payload.endswith(b"survives") for payload in payloads):
        raise ValueError("what is this?")
"""


class TwoProcessors:
    """The CPU, as two devices."""

    def claim(self, _device: Device, _role: Role) -> bool:
        return True

    def bench(self, device: Device, reason: str) -> None:
        pass

    def release(self, device: Device) -> None:
        pass

    def judge(self, _role: Role) -> Sequence[Verdict]:
        return [Verdict(Device(f"cpu:{n}"), eligible=True, reason="asked for") for n in range(2)]


@pytest.fixture(scope="module")
def heard() -> list[Event]:
    return []


@pytest.fixture(scope="module")
def minilm_model(tmp_path_factory: pytest.TempPathFactory) -> ResolvedModel:
    return resolve("all-minilm-l6-v2", tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def embedder(
    minilm_model: ResolvedModel, heard: list[Event], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FleetEmbedder]:
    folder: Path = tmp_path_factory.mktemp("fleet")
    (folder / "breaking.py").write_text(HOOK)
    job = Job(TARGET, setup_of(minilm_model), "run-1", folder / "workers.log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.setenv("RAGFACTORY_DEVICE_HOOK", "breaking:hook")
        with Fleet(job, TwoProcessors(), heard.append, check_s=0.05) as fleet:
            yield FleetEmbedder(minilm_model, fleet)


def test_two_workers_make_the_vectors_of_one_embedder(
    embedder: FleetEmbedder, minilm_model: ResolvedModel, heard: list[Event]
) -> None:
    alone = open_embedder(minilm_model)
    expected, made = alone.encode(TEXTS), embedder.encode(TEXTS)
    assert made.vectors.shape == expected.vectors.shape
    assert made.vectors.dtype == np.float32
    np.testing.assert_allclose(made.vectors, expected.vectors, rtol=0, atol=1e-5)
    assert (made.tokens, made.windowed) == (expected.tokens, expected.windowed)
    np.testing.assert_allclose(embedder.encode_query("who?"), alone.encode_query("who?"), rtol=0, atol=1e-5)
    assert embedder.fingerprint == alone.fingerprint
    assert {event.device for event in heard if isinstance(event, events.WorkerStarted)} == {"cpu:0", "cpu:1"}
    assert any("OutOfMemoryError" in event.reason for event in heard if isinstance(event, events.Retried))


def test_a_poisonous_text_fails_alone(embedder: FleetEmbedder) -> None:
    attempt = embedder.attempt(["before", POISON, "after"])
    assert list(attempt.failed) == [1]
    assert "what is this?" in attempt.failed[1]
    np.testing.assert_allclose(attempt.encoded.vectors, embedder.encode(["before", "after"]).vectors, rtol=0, atol=1e-5)
    assert embedder.encode([]).vectors.shape == (0, 384)


def test_a_caller_that_cannot_do_without_a_text_is_told_which(embedder: FleetEmbedder) -> None:
    with pytest.raises(EmbeddingFailedError, match="text 0 cannot be embedded"):
        embedder.encode([POISON])
