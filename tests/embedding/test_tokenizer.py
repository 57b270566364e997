"""The tokenizer: offsets into the text, and windows that hold every token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragfactory.embedding.tokenizer import Tokenizer
from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.embedding.catalog import ResolvedModel

CLS, SEP = 101, 102


@pytest.fixture(scope="module")
def tokenizer(minilm_model: ResolvedModel) -> Tokenizer:
    return Tokenizer(minilm_model.path / "tokenizer.json")


def test_offsets_are_stretches_of_the_text(tokenizer: Tokenizer) -> None:
    text = "The houses: € 1.200"
    assert [text[start:end] for start, end in tokenizer.offsets(text)] == [
        "The", "houses", ":", "€", "1", ".", "200"
    ]  # fmt: skip


def test_counts_are_without_special_tokens_and_without_the_limit_in_the_file(tokenizer: Tokenizer) -> None:
    assert tokenizer.count("") == 0
    assert tokenizer.count("house") == 1
    assert tokenizer.count("house " * 3000) == 3000


def test_a_text_within_the_window_has_one_window(tokenizer: Tokenizer) -> None:
    [[ids]] = tokenizer.windows(["house " * 6], 8)
    assert (ids[0], len(ids), ids[-1]) == (CLS, 8, SEP)
    assert tokenizer.windows([""], 8) == [[[CLS, SEP]]]


def test_no_texts_have_no_windows(tokenizer: Tokenizer) -> None:
    assert tokenizer.windows([], 8) == []


@settings(max_examples=60)
@given(st.lists(st.text("abc XYZéß€ 19.,-\n漢", max_size=120), max_size=4), st.integers(4, 40))
def test_windows_hold_every_token_once_in_order_and_are_even(
    tokenizer: Tokenizer, texts: list[str], max_tokens: int
) -> None:
    whole = tokenizer.windows(texts, 100_000)
    cut = tokenizer.windows(texts, max_tokens)
    assert len(cut) == len(texts)
    for [ids], windows in zip(whole, cut, strict=True):
        assert all(window[0] == CLS and window[-1] == SEP and len(window) <= max_tokens for window in windows)
        assert [token for window in windows for token in window[1:-1]] == ids[1:-1]
        lengths = [len(window) for window in windows]
        assert len(set(lengths[:-1])) <= 1
        assert lengths[0] - lengths[-1] < len(lengths)


@pytest.mark.parametrize("content", [None, b"{", b'{"version": "1.0"}'])
def test_a_tokenizer_that_cannot_be_read_names_its_file(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "tokenizer.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelUnavailableError, match=r"tokenizer\.json: not a readable tokenizer"):
        Tokenizer(file)
