from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from huggingface_hub import constants

from ragfactory.embedding.catalog import BGE_M3
from tests.tiny_model import write_tiny_bge_m3

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Workplace


@pytest.fixture
def empty_hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Hugging Face cache with nothing in it, whatever this machine's own holds."""
    cache = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture
def tiny_bge() -> Callable[[Workplace], None]:
    """Put a model of bge-m3's dimension and window into a home: one random layer."""

    def put(workplace: Workplace) -> None:
        folder = workplace.config.models / BGE_M3.name
        folder.mkdir(parents=True)
        write_tiny_bge_m3(folder)

    return put
