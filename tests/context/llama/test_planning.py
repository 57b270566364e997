"""How wide, how long and how precise: from a model's sizes and free memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ragfactory.context.llama.planning import ModelShape, Plan, Wish, plan
from ragfactory.errors import ModelUnavailableError

LLAMA_8B = ModelShape("llama", 4_920_000_000, 32, 4096, 32, 8, 128, 128, 131_072, 128_256)
GIB = 1024


def on_a_card(free_mb: int, wish: Wish | None = None, model: ModelShape = LLAMA_8B) -> Plan:
    return plan(model, free_mb, wish, device="cuda")


def test_an_8_gb_card_holds_an_8b_model_with_quantised_memory() -> None:
    made = on_a_card(7900 - 256)
    assert made.kv == "q8_0"
    assert made.width >= 8
    assert made.needed_mb <= 7900 - 256


def test_a_large_card_holds_all_that_is_wished_at_full_precision() -> None:
    made = on_a_card(80 * GIB)
    wish = Wish()
    assert (made.width, made.kv) == (16, "f16")
    assert made.context >= wish.shared + 16 * (wish.own + wish.answer)
    assert made.prompt == made.context - wish.answer


@pytest.mark.parametrize("free", range(5600, 9000, 100))
def test_more_memory_never_makes_a_worse_plan(free: int) -> None:
    less, more = on_a_card(free), on_a_card(free + 100)
    assert less.needed_mb <= free
    assert (more.kv == "f16", more.width, more.context) >= (less.kv == "f16", less.width, less.context)


def test_precision_is_given_up_before_width() -> None:
    full = on_a_card(80 * GIB).needed_mb
    assert (on_a_card(full).kv, on_a_card(full).width) == ("f16", 16)
    assert (on_a_card(full - 1).kv, on_a_card(full - 1).width) == ("q8_0", 16)


def test_in_little_memory_less_of_a_document_is_read() -> None:
    least = on_a_card(5700)
    assert least.width == 1
    assert least.context < Wish().shared
    assert least.kv == "q8_0"


def test_a_model_that_does_not_fit_at_all() -> None:
    with pytest.raises(ModelUnavailableError, match=r"needs 5,.* MiB at the least, 4,000 MiB are free"):
        on_a_card(4000)


def test_a_prompt_is_no_longer_than_what_the_model_was_trained_on() -> None:
    made = on_a_card(80 * GIB, model=replace(LLAMA_8B, window=2048))
    assert made.prompt == 2048 - made.answer
    assert made.context == -(-(2048 - 720 + 16 * 720) // 256) * 256


def test_a_cpu_holds_the_scores_of_attention_where_it_can() -> None:
    roomy, tight = (plan(LLAMA_8B, free, device="cpu") for free in (64 * GIB, 7 * GIB))
    assert (roomy.width, roomy.kv, roomy.flash) == (8, "f16", False)
    assert (tight.kv, tight.flash) == ("q8_0", True)
    assert (roomy.ubatch, tight.ubatch) == (128, 512)
    assert (roomy.outputs, tight.outputs) == (128, tight.width + 1)
    assert roomy.needed_mb > on_a_card(64 * GIB, Wish(width=8)).needed_mb
