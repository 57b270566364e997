"""What stands in for the cards of a simulated box: workers that are pinned to one run the real model on the CPU.

Workers import this for its hook, which also breaks them as the passages say: `[[raise]]`, `[[abort]]`; `[[too much]]` does not fit
into a card's memory with another.
"""

from __future__ import annotations

import os

from ragfactory.embedding import engine

_open_embedder = engine.open_embedder


def _open_on_cpu(*arguments: object, device: str, **options: object) -> object:
    assert device in {"cuda", "cpu"}
    return _open_embedder(*arguments, device="cpu", **options)  # type: ignore[arg-type]


engine.open_embedder = _open_on_cpu  # type: ignore[assignment]


def fault(_device: str, payloads: list[bytes], _tokens: int) -> None:
    """The hook."""
    import torch

    text = b"\n".join(payloads)
    if b"[[raise]]" in text:
        raise ValueError("what is this?")
    if b"[[abort]]" in text:
        os.abort()
    if b"[[too much]]" in text and len(payloads) > 1:
        raise torch.OutOfMemoryError(f"{len(payloads)} texts do not fit")
