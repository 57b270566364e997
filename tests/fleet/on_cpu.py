"""What stands in for the cards of a simulated box: workers that are pinned to one run the real model on the CPU.

Workers import this for its hook, which also breaks them as the passages say: `[[raise]]`, `[[abort]]`, `[[abort on cards]]`;
`[[too much]]` does not fit into a card's memory with another.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ragfactory.context.llama.engine import LlamaEngine
from ragfactory.embedding import engine, reranker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _on_cpu(open_model: Callable[..., object]) -> Callable[..., object]:
    def opened(*arguments: object, device: str, **options: object) -> object:
        assert device in {"cuda", "cpu"}
        return open_model(*arguments, device="cpu", **options)

    return opened


engine.open_embedder = _on_cpu(engine.open_embedder)  # type: ignore[assignment]
reranker.open_reranker = _on_cpu(reranker.open_reranker)  # type: ignore[assignment]
_open_engine = LlamaEngine.open


def _open_llama(path: Path, device: str, *arguments: object, **options: object) -> LlamaEngine:
    assert device in {"cuda", "cpu"}
    return _open_engine(path, "cpu", *arguments, **options)  # type: ignore[arg-type]


LlamaEngine.open = _open_llama  # type: ignore[assignment, method-assign]


def fault(device: str, payloads: list[bytes], _tokens: int) -> None:
    """The hook."""
    import torch

    text = b"\n".join(payloads)
    if b"[[raise]]" in text:
        raise ValueError("what is this?")
    if b"[[abort]]" in text or (b"[[abort on cards]]" in text and device != "cpu"):
        os.abort()
    if b"[[too much]]" in text and len(payloads) > 1:
        raise torch.OutOfMemoryError(f"{len(payloads)} texts do not fit")
