"""A real GGUF small enough to be made on the spot: two layers, trained for some seconds to say what a passage is about."""

from __future__ import annotations

import fcntl
import os
import random
from typing import TYPE_CHECKING, Any

import numpy as np

from ragfactory.context.prompt import Prompt
from tests.context.llama.gguf_files import BEGIN, END, HEADER, HEADER_END, Dimensions, train_tokenizer, write_gguf

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    import torch
    from tokenizers import Tokenizer

INSTRUCTIONS = "Say in one sentence what the passage is about."
DIMENSIONS = Dimensions()

_THINGS = ["roof", "garden", "kitchen", "cellar", "garage", "stairs", "office", "windows"]
_PLACES = ["Amsterdam", "Berlin", "Paris", "London", "Utrecht", "Hamburg", "Lyon", "Leeds"]
_STEPS, _SEQUENCES = 220, 16


def fact(rng: random.Random) -> tuple[str, str]:
    """A passage, and what it is about."""
    thing, place, year = rng.choice(_THINGS), rng.choice(_PLACES), rng.randint(2015, 2025)
    passage = f"The {thing} in {place} cost {rng.randint(1, 99)},000 euro in {year}."
    return passage, f"This passage says what the {thing} in {place} cost in {year}."


def document(rng: random.Random) -> tuple[str, list[tuple[str, str]]]:
    """A document's part of a prompt, and its three passages with what each is about."""
    told = [fact(rng) for _ in range(3)]
    return "Document: " + " ".join(passage for passage, _ in told) + "\n", told


def prompts(documents: int, chunks: int, *, seed: int = 5) -> list[Prompt]:
    """Prompts about documents in the words the model was trained on; passages beyond a document's own three are made up too."""
    rng = random.Random(seed)
    found = []
    for _ in range(documents):
        shared, told = document(rng)
        told += [fact(rng) for _ in range(chunks - 3)]
        found += [Prompt(INSTRUCTIONS, shared, f"Passage: {passage}", "en") for passage, _ in told[:chunks]]
    return found


def write_tiny_gguf(path: Path) -> None:
    """Train and write the model; about 20 s on two cores."""
    rng = random.Random(1)
    texts = [_conversation(rng) for _ in range(400)]
    plain = ["".join(part for part in text if part not in {BEGIN, HEADER, HEADER_END, END}) for text in texts]
    tokenizer = train_tokenizer(plain, DIMENSIONS.vocabulary)
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads that wait for each other are several times slower beside another busy process
    weights = _train(tokenizer, rng)
    torch.set_num_threads(threads)
    write_gguf(path, DIMENSIONS, tokenizer, ((name, array, None) for name, array in weights.items()))


def shared_tiny_gguf(factory: pytest.TempPathFactory) -> Path:
    """The model, made once for all processes of a test session."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    path = root / "tiny.gguf"
    with (root / "tiny.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            write_tiny_gguf(path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)
    return path


def _conversation(rng: random.Random) -> list[str]:
    """A chat as the template renders it, in parts, so that special tokens stand alone."""
    shared, told = document(rng)
    passage, about = rng.choice(told)
    turns = [("system", INSTRUCTIONS), ("user", f"{shared}Passage: {passage}"), ("assistant", about)]
    parts = [BEGIN]
    for role, said in turns:
        parts += [HEADER, role, HEADER_END, "\n\n", said, END]
    return parts


def _encode(tokenizer: Tokenizer, parts: list[str]) -> list[int]:
    # Parts are encoded apart, as llama.cpp does on either side of a special token.
    return [token for part in parts for token in tokenizer.encode(part, add_special_tokens=False).ids]


def _train(tokenizer: Tokenizer, rng: random.Random) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    import torch
    from torch.nn import functional

    torch.manual_seed(3)
    weights = {
        name: torch.ones(shape) if len(shape) == 1 else torch.randn(shape) * 0.05
        for name, shape in DIMENSIONS.shapes().items()
    }
    for tensor in weights.values():
        tensor.requires_grad_()
    optimizer = torch.optim.AdamW(weights.values(), lr=4e-3, betas=(0.9, 0.95), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, _STEPS, pct_start=0.1)
    for _ in range(_STEPS):
        chats = [_encode(tokenizer, _conversation(rng)) for _ in range(_SEQUENCES)]
        longest = max(map(len, chats))
        tokens = torch.tensor([chat + [0] * (longest - len(chat)) for chat in chats])
        wanted = torch.tensor([chat + [-100] * (longest - len(chat)) for chat in chats])
        logits = _forward(weights, tokens[:, :-1])
        loss = functional.cross_entropy(logits.flatten(0, 1), wanted[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimizer.step()
        schedule.step()
    return {name: tensor.detach().numpy().astype(np.float32) for name, tensor in weights.items()}


def _forward(weights: dict[str, torch.Tensor], tokens: torch.Tensor) -> torch.Tensor:
    """Logits `(batch, tokens, vocabulary)` of a llama as llama.cpp computes them: rotations of neighbouring pairs."""
    import torch
    from torch.nn import functional

    def normed(x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.rms_norm(x, (DIMENSIONS.embedding,), weights[f"{name}.weight"], eps=1e-5)

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ weights[f"{name}.weight"].T

    batch, length = tokens.shape
    half = DIMENSIONS.head // 2
    angles = torch.outer(torch.arange(length), 10_000.0 ** -(torch.arange(half) / half))
    cos, sin = angles.cos(), angles.sin()

    def rotated(x: torch.Tensor) -> torch.Tensor:
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)

    x = weights["token_embd.weight"][tokens]
    for layer in range(DIMENSIONS.layers):
        name = f"blk.{layer}"
        y = normed(x, f"{name}.attn_norm")
        q, k, v = (
            linear(y, f"{name}.attn_{part}").view(batch, length, -1, DIMENSIONS.head).transpose(1, 2) for part in "qkv"
        )
        seen = functional.scaled_dot_product_attention(rotated(q), rotated(k), v, is_causal=True, enable_gqa=True)
        x = x + linear(seen.transpose(1, 2).flatten(2), f"{name}.attn_output")
        y = normed(x, f"{name}.ffn_norm")
        gated = functional.silu(linear(y, f"{name}.ffn_gate")) * linear(y, f"{name}.ffn_up")
        x = x + linear(gated, f"{name}.ffn_down")
    return normed(x, "output_norm") @ weights["token_embd.weight"].T
