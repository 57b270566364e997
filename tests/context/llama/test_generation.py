"""Answers to many prompts at a time are those to one at a time, whatever shares memory with what."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import llama_cpp
import numpy as np
import pytest

from ragfactory.context.llama.chat import ChatTemplate
from ragfactory.context.llama.engine import LlamaEngine
from ragfactory.context.llama.generation import greedy
from ragfactory.context.llama.model import LlamaModel
from ragfactory.context.llama.planning import Plan
from tests.context.llama.tiny_gguf import prompts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ragfactory.context.prompt import Completion, Prompt

ANSWER = 24
TOLERANCE = 0.05  # of logits that lie up to 30 apart; llama.cpp adds up in another order for another number of tokens


def planned(width: int, context: int = 2048, kv: str = "f16") -> Plan:
    return Plan(
        width=width, context=context, kv=kv, flash=kv == "q8_0", prompt=context - ANSWER, answer=ANSWER, needed_mb=0
    )


class Recorder:
    """A greedy sampler that keeps the logits of each prompt."""

    def __init__(self) -> None:
        self.logits: defaultdict[int, list[NDArray[np.float32]]] = defaultdict(list)

    def __call__(self, logits: NDArray[np.float32], numbers: Sequence[int]) -> NDArray[np.integer]:
        for number, row in zip(numbers, logits, strict=True):
            self.logits[number].append(row.copy())
        return greedy(logits, numbers)


def answers(path: Path, plan: Plan, asked: Iterable[Prompt]) -> list[Completion]:
    with LlamaEngine(path, "cpu", plan) as engine:
        found = dict(engine.complete(asked))
    return [found[number] for number in sorted(found)]


def one_at_a_time(path: Path, asked: Sequence[Prompt], recorded: Recorder) -> float:
    """The largest difference of any logit from those that the high-level `Llama` gives for a prompt and the tokens chosen since."""
    largest = 0.0
    llama = llama_cpp.Llama(str(path), n_ctx=1024, logits_all=True, verbose=False)
    with LlamaModel.open_vocabulary(path) as model:
        template = ChatTemplate(model)
        for number, prompt in enumerate(asked):
            tokens = template.tokens(prompt, 1000)
            batched = np.stack(recorded.logits[number])
            text = [*tokens.prefix.tolist(), *tokens.own.tolist(), *batched.argmax(axis=1)[:-1].tolist()]
            llama.reset()
            llama.eval(text)
            alone = llama.scores[len(text) - len(batched) : len(text)]
            largest = max(largest, float(np.abs(alone - batched).max()))
    llama.close()
    return largest


@pytest.mark.parametrize("width", [1, 2, 8, 16])
def test_logits_are_those_of_one_at_a_time(tiny_gguf: Path, width: int) -> None:
    asked = prompts(documents=3, chunks=7)  # more than there are places, so that each is used again
    asked = [asked[number] for number in (*range(10), 0, 14, 7, 15)]  # and prefixes in turn
    recorded = Recorder()
    with LlamaEngine(tiny_gguf, "cpu", planned(width), sampler=recorded) as engine:
        found = dict(engine.complete(asked))
        assert sorted(found) == list(range(len(asked)))
        assert one_at_a_time(tiny_gguf, asked, recorded) < TOLERANCE
        recorded.logits.clear()
        again = dict(engine.complete(reversed(asked)))  # on what is in memory from before
        assert one_at_a_time(tiny_gguf, asked[::-1], recorded) < TOLERANCE
    assert [again[number].text for number in sorted(again)] == [found[number].text for number in sorted(found)][::-1]


def test_the_model_says_what_a_passage_is_about(tiny_gguf: Path) -> None:
    asked = prompts(documents=2, chunks=3)
    for prompt, completion in zip(asked, answers(tiny_gguf, planned(4), asked), strict=True):
        thing = prompt.own.removeprefix("Passage: ").partition(" cost")[0].replace("The", "the")
        assert completion.text.startswith(f"This passage says what {thing} cost in ")


def test_a_run_is_repeatable(tiny_gguf: Path) -> None:
    asked = prompts(documents=2, chunks=10)
    first = answers(tiny_gguf, planned(8), asked)
    assert answers(tiny_gguf, planned(8), asked) == first


def test_quantised_memory_answers_alike(tiny_gguf: Path) -> None:
    asked = prompts(documents=2, chunks=3)
    precise, small = (answers(tiny_gguf, planned(4, kv=kv), asked) for kv in ("f16", "q8_0"))
    assert [completion.text for completion in small] == [completion.text for completion in precise]


def test_what_a_document_shares_is_read_once(tiny_gguf: Path) -> None:
    asked = prompts(documents=3, chunks=20)
    with LlamaModel.open_vocabulary(tiny_gguf) as model:
        template = ChatTemplate(model)
        tokens = [template.tokens(prompt, 1000) for prompt in asked]
    with LlamaEngine(tiny_gguf, "cpu", planned(16)) as engine:
        found = dict(engine.complete(asked))
        counts = replace(engine.counts)
        dict(engine.complete(asked[-1:]))
        assert engine.counts.read - counts.read == len(
            tokens[-1].own
        )  # the next batch of a document starts from it too
    assert counts.read == sum(completion.read for completion in found.values())
    for number, completion in found.items():
        assert completion.read + completion.reused == len(tokens[number].prefix) + len(tokens[number].own)
        if number % 20:
            assert completion.read == len(tokens[number].own)
    assert found[0].reused == 0
    assert found[20].reused > 15  # the template and the instructions of the document before


def test_a_decode_serves_many_prompts(tiny_gguf: Path) -> None:
    with LlamaEngine(tiny_gguf, "cpu", planned(16)) as engine:
        dict(engine.complete(prompts(documents=2, chunks=40)))
        assert engine.counts.decodes <= 0.08 * engine.counts.written


@pytest.mark.parametrize(("length", "kv", "together"), [(1, "f16", True), (24, "f16", False), (24, "q8_0", True)])
def test_a_long_document_waits_for_answers_where_attention_goes_over_what_they_hold(
    tiny_gguf: Path, length: int, kv: str, together: bool
) -> None:
    asked = [replace(prompt, shared=prompt.shared * length) for prompt in prompts(documents=3, chunks=5)]
    asked_together = []

    def sampler(logits: NDArray[np.float32], numbers: Sequence[int]) -> NDArray[np.integer]:
        asked_together.append({number // 5 for number in numbers})
        return greedy(logits, numbers)

    with LlamaEngine(tiny_gguf, "cpu", planned(2, context=4096, kv=kv), sampler=sampler) as engine:
        assert len(dict(engine.complete(asked))) == len(asked)
        assert engine.counts.shrinks == 0
    assert any(len(documents) > 1 for documents in asked_together) == together


def test_answers_come_as_they_are_done_and_prompts_are_taken_as_places_are_free(tiny_gguf: Path) -> None:
    taken = []

    def asked() -> Iterable[Prompt]:
        for number, prompt in enumerate(prompts(documents=1, chunks=12)):
            taken.append(number)
            yield prompt

    with LlamaEngine(tiny_gguf, "cpu", planned(3)) as engine:
        stream = engine.complete(asked())
        next(stream)
        assert len(taken) <= 4
        assert len(list(stream)) == 11


@pytest.mark.parametrize("context", [256, 512])
def test_without_memory_for_all_places_every_prompt_is_answered(tiny_gguf: Path, context: int) -> None:
    asked = [
        replace(prompt, shared=prompt.shared * 2) for prompt in prompts(documents=4, chunks=9)
    ]  # 4 x 100 tokens and 16 x 40
    roomy = answers(tiny_gguf, planned(16, context=4096), asked)
    with LlamaEngine(tiny_gguf, "cpu", planned(16, context=context)) as engine:
        found = dict(engine.complete(asked))
        assert engine.counts.shrinks > 0
    assert [found[number].text for number in range(len(asked))] == [completion.text for completion in roomy]


def test_one_who_stops_early_leaves_nothing_behind(tiny_gguf: Path) -> None:
    asked = prompts(documents=2, chunks=5)
    with LlamaEngine(tiny_gguf, "cpu", planned(4)) as engine:
        stream = engine.complete(asked)
        next(stream)
        stream.close()
        found = dict(engine.complete(asked))
    assert [found[number] for number in range(10)] == answers(tiny_gguf, planned(4), asked)


def test_what_is_too_long_loses_the_end_of_its_documents_part(tiny_gguf: Path) -> None:
    prompt = prompts(documents=1, chunks=1)[0]
    long = replace(prompt, shared=prompt.shared * 40)
    (completion,) = answers(tiny_gguf, planned(2, context=512), [long])
    assert completion.read + completion.reused == 512 - ANSWER
    assert completion.cut > 1000
    (longer,) = answers(tiny_gguf, planned(2, context=512), [replace(long, own=prompt.own * 60)])
    assert longer.read + longer.reused == 512 - ANSWER


def test_no_prompts_no_decodes(tiny_gguf: Path) -> None:
    with LlamaEngine(tiny_gguf, "cpu", planned(2)) as engine:
        assert list(engine.complete([])) == []
        assert engine.counts.decodes == 0
