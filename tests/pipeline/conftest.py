from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from huggingface_hub import constants

from ragfactory.embedding.catalog import BGE_M3

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
    """Put a model of bge-m3's dimension and window into a home: one random layer, one token a letter."""

    def put(workplace: Workplace) -> None:
        import torch
        from tokenizers import Tokenizer, models, pre_tokenizers, processors
        from transformers import XLMRobertaConfig, XLMRobertaModel

        folder = workplace.config.models / BGE_M3.name
        folder.mkdir(parents=True)
        pieces = ["<s>", "<pad>", "</s>", "<unk>", "\u2581", *"abcdefghijklmnopqrstuvwxyz"]
        tokenizer = Tokenizer(models.Unigram([(piece, -float(i)) for i, piece in enumerate(pieces)], unk_id=3))
        tokenizer.add_special_tokens(pieces[:4])
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.post_processor = processors.TemplateProcessing(
            "<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
        )
        tokenizer.save(str(folder / "tokenizer.json"))
        torch.manual_seed(7)
        config = XLMRobertaConfig(
            vocab_size=len(pieces),
            hidden_size=BGE_M3.dimension,
            num_hidden_layers=1,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=BGE_M3.max_tokens + 2,
            type_vocab_size=1,
        )
        XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)

    return put
