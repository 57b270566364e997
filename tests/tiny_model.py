"""A model of bge-m3's shape, small enough to be made on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.embedding.catalog import BGE_M3

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ["de", "waarde", "van", "het", "gebouw", "omzet", "kosten"]


def write_tiny_bge_m3(folder: Path) -> None:
    """Write one random layer of the XLM-R shape with bge-m3's dimension and window; a token is a word of WORDS or a letter."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import XLMRobertaConfig, XLMRobertaModel

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = [*special, *(f"\u2581{word}" for word in WORDS), "\u2581", *"abcdefghijklmnopqrstuvwxyz"]
    tokenizer = Tokenizer(models.Unigram([(piece, -float(i)) for i, piece in enumerate(vocabulary)], unk_id=3))
    tokenizer.add_special_tokens(special)
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
