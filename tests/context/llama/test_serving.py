"""The model as a worker has it: plain data and bytes."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from ragfactory.context.llama.planning import Wish
from ragfactory.context.llama.serving import TARGET, completion_of, context_server, fingerprint, question, setup_of
from tests.context.llama.tiny_gguf import prompts

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

WISH = Wish(width=4, shared=200, own=60, answer=24)


def test_a_worker_answers_prompts_as_bytes(tiny_gguf: Path, caplog: pytest.LogCaptureFixture) -> None:
    setup = orjson.loads(orjson.dumps(setup_of(tiny_gguf, WISH)))  # as it travels
    with caplog.at_level(logging.WARNING):
        answer = context_server(setup, "cpu")
    assert not caplog.records
    payloads = [question(prompt) for prompt in prompts(documents=2, chunks=5)]
    found = {number: completion_of(data) for number, data in answer(payloads)}
    assert sorted(found) == list(range(10))
    assert all(completion.text.startswith("This passage says what the ") for completion in found.values())
    again = dict(answer(payloads[-2:]))
    assert completion_of(again[1]).reused > completion_of(again[1]).read  # the model's memory stays between batches


def test_a_worker_answers_in_the_shape_that_is_asked(tiny_gguf: Path) -> None:
    answer = context_server(setup_of(tiny_gguf, WISH), "cpu")
    (prompt,) = prompts(documents=1, chunks=1)
    payloads = [question(prompt), question(replace(prompt, schema='{"enum": ["roof", "garden"]}', max_tokens=12))]
    found = {number: completion_of(data).text for number, data in answer(payloads)}
    assert found[0].startswith("This passage says what the ")
    assert found[1] in {'"roof"', '"garden"'}


def test_the_target_names_the_server() -> None:
    assert f"{context_server.__module__}:{context_server.__name__}" == TARGET


def test_the_fingerprint_is_the_files_hash_and_is_remembered(tiny_gguf: Path, tmp_path: Path) -> None:
    memory = tmp_path / "models" / "weights.json"
    digest = hashlib.sha256(tiny_gguf.read_bytes()).hexdigest()
    assert fingerprint(tiny_gguf, memory) == digest
    assert list(orjson.loads(memory.read_bytes()).values()) == [digest]
    assert fingerprint(tiny_gguf, memory) == digest
