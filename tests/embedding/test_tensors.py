"""Tensors of safetensors files: their values in each precision, where they lie, and files that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ragfactory.embedding.tensors import map_tensors

if TYPE_CHECKING:
    from pathlib import Path

VALUES = torch.tensor([[1.5, -2.25, 3e4], [0.0, 1e-3, -1.0]])


@pytest.mark.parametrize("stored", [torch.float32, torch.float16, torch.bfloat16])
def test_values_are_those_that_were_stored(tmp_path: Path, stored: torch.dtype) -> None:
    file = tmp_path / "a.safetensors"
    save_file({"x": VALUES.to(stored), "empty": torch.empty(0, 4), "ids": torch.arange(3)}, file, {"format": "pt"})
    tensors = map_tensors([file])
    assert set(tensors) == {"x", "empty"}
    assert tensors["x"].dtype == np.float32
    np.testing.assert_array_equal(tensors["x"], VALUES.to(stored).float().numpy())
    assert tensors["empty"].shape == (0, 4)


def test_shards_are_one_model_and_writing_changes_no_file(tmp_path: Path) -> None:
    files = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for name, file in zip("xy", files, strict=True):
        save_file({name: VALUES}, file)
    before = files[0].read_bytes()
    tensors = map_tensors(files)
    assert set(tensors) == {"x", "y"}
    tensors["x"][:] = 0
    assert files[0].read_bytes() == before


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "cut off"),
        (b"\xff" * 8, "cut off"),
        ((2).to_bytes(8, "little") + b"{]", "no header"),
        ((2).to_bytes(8, "little") + b"[]", "no header"),
        ((21).to_bytes(8, "little") + b'{"x":{"dtype":"F32"}}', "no header"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=complaint):
        map_tensors([file])


@pytest.mark.parametrize("lost", [1, 4, 23])
def test_a_file_that_lost_its_end_is_refused(tmp_path: Path, lost: int) -> None:
    file = tmp_path / "a.safetensors"
    save_file({"x": VALUES}, file)
    file.write_bytes(file.read_bytes()[:-lost])
    with pytest.raises(ValueError, match="cut off"):
        map_tensors([file])
