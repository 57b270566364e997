"""A cross-encoder of bge-reranker-v2-m3's kind, trained on the spot to tell whether a passage holds the word that is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForSequenceClassification

from ragfactory.embedding.catalog import BGE_RERANKER_V2_M3

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ["pump", "valve", "filter", "roof", "cellar", "kitchen", "garden", "soup", "hotel", "winter"]
FILLERS = ["part", "broken", "order", "fit", "other", "will", "when", "the"]
SPEC = replace(BGE_RERANKER_V2_M3, dimension=64, max_tokens=128)

_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
_STEPS, _PAIRS, _PASSAGE = 300, 48, 7


def write_tiny_reranker(folder: Path) -> None:
    """Train a model of SPEC and write it; any word that is not one of WORDS or FILLERS is unknown to it."""
    tokenizer = _tokenizer()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>").save_pretrained(folder)
    torch.manual_seed(3)
    config = XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=SPEC.dimension,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=SPEC.max_tokens + 2,
        type_vocab_size=1,
        num_labels=1,
        initializer_range=0.15,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    network = XLMRobertaForSequenceClassification(config)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network only waits for a second
    for _ in range(_STEPS):
        ids, labels = _lesson(tokenizer)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(ids).logits[:, 0], labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.set_num_threads(threads)
    network.save_pretrained(folder)


def _lesson(tokenizer: Tokenizer) -> tuple[torch.Tensor, torch.Tensor]:
    """Pairs of a word and a passage of some others, and for each whether the passage has the word."""
    words = WORDS + FILLERS
    asked = torch.randint(len(WORDS), (_PAIRS,))
    passages = torch.randint(len(words), (_PAIRS, _PASSAGE))
    holds = torch.arange(_PAIRS) % 2 == 0
    passages[passages == asked[:, None]] = len(words) - 1
    passages[holds, torch.randint(_PASSAGE, (int(holds.sum()),))] = asked[holds]
    pairs = [(words[a], " ".join(words[i] for i in p)) for a, p in zip(asked, passages, strict=True)]
    return torch.tensor([encoding.ids for encoding in tokenizer.encode_batch(pairs)]), holds.float()


def _tokenizer() -> Tokenizer:
    vocabulary = {word: i for i, word in enumerate([*_SPECIAL, *WORDS, *FILLERS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(_SPECIAL)
    tokenizer.post_processor = processors.TemplateProcessing(
        "<s> $A </s>", "<s> $A </s> </s> $B </s>", [("<s>", 0), ("</s>", 2)]
    )
    return tokenizer
