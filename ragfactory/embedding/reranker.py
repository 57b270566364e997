"""A cross-encoder: reads a query and a passage together, and says how well the passage answers.

R. Nogueira, K. Cho, "Passage Re-ranking with BERT", https://arxiv.org/abs/1901.04085.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ragfactory.embedding.tokenizer import Tokenizer
from ragfactory.embedding.torch_device import fast_precision, on_device
from ragfactory.embedding.torch_encoder import TorchTransformer
from ragfactory.embedding.transformer import check_tensors, load_transformer
from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from ragfactory.embedding.catalog import ModelSpec, ResolvedModel
    from ragfactory.embedding.torch_device import Precision
    from ragfactory.embedding.transformer import Weights


def open_reranker(model: ResolvedModel, *, device: str = "cpu", precision: Precision | None = None) -> Reranker:
    """Load a reranker onto a torch device; `precision` is bfloat16 where the device is fast at it, unless it is given.

    Scores in bfloat16 are within 0.02 of those in float32. Raises ModelUnavailableError when the model's files are damaged or are
    not those of the model they should be, or when there is no such device.
    """
    transformer = load_transformer(model)
    hidden = transformer.shape.hidden
    check_tensors(
        model,
        transformer.head,
        {
            "classifier.dense.weight": (hidden, hidden),
            "classifier.dense.bias": (hidden,),
            "classifier.out_proj.weight": (1, hidden),
            "classifier.out_proj.bias": (1,),
        },
    )
    network = TorchTransformer(transformer, device, precision or fast_precision(device))
    return Reranker(model.spec, Tokenizer(model.path / "tokenizer.json"), network, transformer.head)


class Reranker:
    """A loaded cross-encoder with a head of XLM-RoBERTa for one class."""

    def __init__(self, spec: ModelSpec, tokenizer: Tokenizer, network: TorchTransformer, head: Weights) -> None:
        self.name = spec.name
        self.device = network.device
        self.max_tokens = spec.max_tokens
        self._tokenizer = tokenizer
        self._network = network
        self._head = on_device(head, network.device)

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """How well each passage answers the query, (n,) float32 in [0, 1], in the order of the passages.

        What does not fit in `max_tokens` together with the query is cut off. Raises ModelUnavailableError when the model makes a
        score that is not finite.
        """
        scores = np.empty(len(passages), dtype=np.float32)
        for batch, lengths, states in self._network.states(self._tokenizer.pairs(query, passages, self.max_tokens)):
            starts = np.cumsum([0, *lengths[:-1]]).tolist()
            scores[batch] = self._classify(states[starts]).cpu().numpy()
        if not np.isfinite(scores).all():
            raise ModelUnavailableError(
                f"{self.name} made a score that is not finite", hint="its weights may be damaged: get them again"
            )
        return scores

    def _classify(self, states: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import linear

        head = self._head
        inner = linear(states.float(), head["classifier.dense.weight"], head["classifier.dense.bias"]).tanh()
        return linear(inner, head["classifier.out_proj.weight"], head["classifier.out_proj.bias"]).sigmoid().squeeze(1)
