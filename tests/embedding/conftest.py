"""The real MiniLM, loaded once, and a tiny model of bge-m3's shape, made on the spot."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import constants

from ragfactory.embedding.catalog import BGE_M3, ResolvedModel
from ragfactory.embedding.engine import open_embedder
from ragfactory.embedding.locate import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.embedding.model import Embedder

WORDS = ["de", "waarde", "van", "het", "gebouw", "omzet", "kosten"]


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
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import XLMRobertaConfig, XLMRobertaModel

    folder = tmp_path_factory.mktemp("tiny")
    vocabulary = [
        "<s>",
        "<pad>",
        "</s>",
        "<unk>",
        *(f"\u2581{word}" for word in WORDS),
        "\u2581",
        *"abcdefghijklmnopqrstuvwxyz",
    ]
    tokenizer = Tokenizer(models.Unigram([(piece, -float(i)) for i, piece in enumerate(vocabulary)], unk_id=3))
    tokenizer.add_special_tokens(vocabulary[:4])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(7)
    config = XLMRobertaConfig(
        vocab_size=len(vocabulary),
        hidden_size=BGE_M3.dimension,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=BGE_M3.max_tokens + 2,
        type_vocab_size=1,
    )
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture
def tiny_model(tiny_folder: Path, tmp_path: Path) -> ResolvedModel:
    """A copy of the tiny model of the test's own, where `auto` looks first."""
    shutil.copytree(tiny_folder, tmp_path / "models" / BGE_M3.name)
    return resolve("auto", tmp_path / "models")
