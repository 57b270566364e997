"""The models of a search next to sentence-transformers running the same weights on the same texts."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from ragfactory.embedding.catalog import ALL_MINILM_L6_V2, BGE_RERANKER_V2_M3, ResolvedModel
from ragfactory.embedding.engine import open_embedder
from ragfactory.embedding.locate import resolve
from ragfactory.embedding.reranker import open_reranker
from ragfactory.embedding.torch_device import Precision, import_torch

if TYPE_CHECKING:
    from collections.abc import Callable

_PAIRS, _QUERY_WORDS, _PASSAGE_WORDS = 20, 8, 188  # with four special tokens: 200 tokens
_PASSAGES = 100
_VOCABULARY = 1000


@dataclass(frozen=True, slots=True)
class Compared:
    """Seconds of the same work done here and by a peer, the best of some, and how far the two results are apart at most."""

    name: str
    own_s: float
    peer_s: float
    difference: float


def measure_embedding(runs: int) -> list[Compared]:
    """Embed passages of 10 to 200 words with all-MiniLM-L6-v2."""
    import_torch()
    from sentence_transformers import SentenceTransformer

    model = resolve(ALL_MINILM_L6_V2.name, Path(os.devnull))
    rng = np.random.default_rng(0)
    words = ["value", "building", "revenue", "year", "report", "of", "the", "and", "board", "company"]
    texts = [" ".join(rng.choice(words, size)) for size in rng.integers(10, 200, _PASSAGES)]
    embedder = open_embedder(model)
    peer = SentenceTransformer(str(model.path), device="cpu", local_files_only=True)
    return [
        _compared(
            "all-MiniLM-L6-v2",
            lambda: embedder.encode(texts).vectors,
            lambda: peer.encode(texts, show_progress_bar=False),
            runs,
        )
    ]


def measure_reranking(folder: Path, layers: int, runs: int) -> list[Compared]:
    """Score pairs of 200 tokens with a random model of bge-reranker-v2-m3's shape with fewer layers, in each precision."""
    import_torch()
    from sentence_transformers import CrossEncoder

    folder.mkdir()
    _write_random(folder, layers)
    rng = np.random.default_rng(0)
    query = _text(rng, _QUERY_WORDS)
    passages = [_text(rng, _PASSAGE_WORDS) for _ in range(_PAIRS)]
    peer = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    model = ResolvedModel(BGE_RERANKER_V2_M3, folder, "", folder / "weights.json")
    compared = []
    for precision in get_args(Precision):
        reranker = open_reranker(model, precision=precision)
        compared.append(
            _compared(
                f"{precision}, {layers} layers",
                lambda reranker=reranker: reranker.score(query, passages),  # type: ignore[misc]
                lambda: peer.predict([(query, passage) for passage in passages], show_progress_bar=False),
                runs,
            )
        )
    return compared


def _compared(name: str, own: Callable[[], Any], peer: Callable[[], Any], runs: int) -> Compared:
    """Time both in turn, so that other work on the machine falls on both."""
    times = [(_timed(own), _timed(peer)) for _ in range(runs + 1)][1:]
    difference = float(np.abs(own() - peer()).max())
    return Compared(name, min(a for a, _ in times), min(b for _, b in times), difference)


def _timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _text(rng: np.random.Generator, words: int) -> str:
    return " ".join(f"w{number}" for number in rng.integers(_VOCABULARY, size=words))


def _write_random(folder: Path, layers: int) -> None:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForSequenceClassification

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = {word: i for i, word in enumerate([*special, *(f"w{n}" for n in range(_VOCABULARY))])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        "<s> $A </s>", "<s> $A </s> </s> $B </s>", [("<s>", 0), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>").save_pretrained(folder)
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=len(vocabulary), hidden_size=1024, num_hidden_layers=layers, num_attention_heads=16,
        intermediate_size=4096, max_position_embeddings=8194, type_vocab_size=1, num_labels=1,
    )  # fmt: skip
    XLMRobertaForSequenceClassification(config).save_pretrained(folder)
