"""A GGUF that is cut off or damaged is told from its header, before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragfactory.config import Config
from ragfactory.context.gguf_file import find_damage, require_whole
from ragfactory.context.language_models import language_model
from ragfactory.errors import ModelUnavailableError
from tests.context.llama.gguf_files import Dimensions, train_tokenizer, write_gguf

if TYPE_CHECKING:
    from pathlib import Path

SIZES = Dimensions(vocabulary=300)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose last tensor is quantised and takes a multiple of the alignment, so that no byte can be spared."""
    path = tmp_path_factory.mktemp("gguf") / "whole.gguf"
    tensors = [(name, np.zeros(shape, np.float32), None) for name, shape in SIZES.shapes().items()]
    kind = gguf.GGMLQuantizationType.Q8_0
    packed = gguf.quants.quantize(np.ones((16, 128), np.float32), kind)
    tensors.append(("last.weight", packed, kind))
    write_gguf(path, SIZES, train_tokenizer(["Say what it is about."], 300), tensors)
    assert packed.nbytes % 32 == 0
    return path


def test_a_whole_file_is_whole_and_without_its_last_byte_it_is_not(whole: Path, tmp_path: Path) -> None:
    require_whole(whole)
    data = whole.read_bytes()
    (tmp_path / "cut.gguf").write_bytes(data[:-1])
    with pytest.raises(
        ModelUnavailableError, match=rf"cut off: .* {len(data):,} bytes, and it has {len(data) - 1:,}"
    ) as caught:
        require_whole(tmp_path / "cut.gguf")
    assert "ragfactory model pull" in str(caught.value.hint)


def test_a_model_that_is_trained_here_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "f16.gguf"
    tensors = [(name, np.zeros(shape, np.float16), None) for name, shape in SIZES.shapes().items()]
    write_gguf(path, SIZES, train_tokenizer(["Say what it is about."], 300), tensors)
    assert find_damage(path) is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"GG", "a few bytes"),
        (b"<html>log in", "something else"),
        (b"GGUF and nothing else", "cut off"),
        (b"GGUF\x09\0\0\0" + bytes(16), "its version is 9"),
        (b"GGUF\x03\0\0\0" + bytes(8) + b"\x01" + bytes(7) + bytes(8) + b"\xff\0\0\0", "unknown kind 255"),
        (b"GGUF\x03\0\0\0" + b"\xff" * 16, "cut off"),
    ],
)
def test_what_is_no_gguf_is_told(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "x.gguf").write_bytes(data)
    assert said in str(find_damage(tmp_path / "x.gguf"))


@given(st.data())
def test_a_header_that_is_cut_or_changed_is_told_or_harmless(whole: Path, data: st.DataObject) -> None:
    good = whole.read_bytes()
    changed = bytearray(good[: data.draw(st.integers(0, len(good) - 1))])
    for _ in range(data.draw(st.integers(0, 3)) if changed else 0):
        changed[data.draw(st.integers(0, min(len(changed), 20_000) - 1))] = data.draw(st.integers(0, 255))
    other = whole.with_name("changed.gguf")
    other.write_bytes(changed)
    find_damage(other)  # raises nothing


def test_a_run_is_told_before_it_starts(whole: Path, tmp_path: Path) -> None:
    config = Config(home=tmp_path, config_dir=tmp_path)
    config.models.mkdir()
    (config.models / "cut.gguf").write_bytes(whole.read_bytes()[:-5000])
    with pytest.raises(ModelUnavailableError, match="cut off"):
        language_model("llama", config)
