"""The real MiniLM, loaded once, and a tiny model of bge-m3's shape, made on the spot."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import constants

from ragfactory.embedding.catalog import BGE_M3, ResolvedModel
from ragfactory.embedding.engine import open_embedder
from ragfactory.embedding.locate import resolve
from tests.tiny_model import write_tiny_bge_m3

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.embedding.model import Embedder


@pytest.fixture(autouse=True)
def empty_hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Hugging Face cache with nothing in it, whatever this machine's own holds."""
    cache = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture(scope="session")
def minilm_model(tmp_path_factory: pytest.TempPathFactory) -> ResolvedModel:
    return resolve("all-minilm-l6-v2", tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def minilm(minilm_model: ResolvedModel) -> Embedder:
    return open_embedder(minilm_model)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One random layer of the XLM-R shape with bge-m3's dimension and window."""
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny_bge_m3(folder)
    return folder


@pytest.fixture
def tiny_model(tiny_folder: Path, tmp_path: Path) -> ResolvedModel:
    """A copy of the tiny model of the test's own, where `auto` looks first."""
    shutil.copytree(tiny_folder, tmp_path / "models" / BGE_M3.name)
    return resolve("auto", tmp_path / "models")
