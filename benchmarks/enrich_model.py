"""A GGUF of any size with random weights, made on the spot: it costs a device what a real one does, and its words mean nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np

from tests.context.llama.gguf_files import Dimensions, train_tokenizer, write_gguf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from ragfactory.context.prompt import Prompt

_PROSE = (
    "the building was valued at its market price while rent and costs rose by three per cent over the year because of the new "
    "lease which ends in december and the board expects that turnover will grow when the second hall opens for visitors"
)


@dataclass(frozen=True, slots=True)
class Size:
    """A model's dimensions and the type of its matrices."""

    dimensions: Dimensions
    kind: gguf.GGMLQuantizationType


SIZES = {
    "60m": Size(Dimensions(2, 768, 12, 3, 6144, 32_000, 32_768), gguf.GGMLQuantizationType.Q4_K),
    "1b": Size(Dimensions(16, 2048, 32, 8, 8192, 128_256, 131_072), gguf.GGMLQuantizationType.Q4_K),
    "8b": Size(Dimensions(32, 4096, 32, 8, 14_336, 128_256, 131_072), gguf.GGMLQuantizationType.Q4_K),
}


def write_random_gguf(path: Path, size: Size) -> None:
    """Write it; a tensor at a time is in memory."""
    tokenizer = train_tokenizer([_PROSE] * 3, 600)
    write_gguf(path, size.dimensions, tokenizer, _tensors(size))


def text(rng: random.Random, words: int) -> str:
    """Words of business prose; each is about a token of the model's."""
    return " ".join(rng.choices(_PROSE.split(), k=words))


def prompts(documents: int, chunks: int, *, shared: int, own: int) -> list[list[Prompt]]:
    """Each document's prompts, of about `shared` and `own` tokens."""
    from ragfactory.context.prompt import Prompt

    rng = random.Random(1)
    asked = []
    for _ in range(documents):
        document = text(rng, shared)
        asked.append([Prompt("Say what it is about.", f"{document}\n\n", text(rng, own), "en") for _ in range(chunks)])
    return asked


def _tensors(size: Size) -> Iterator[tuple[str, NDArray[Any], gguf.GGMLQuantizationType | None]]:
    rng = np.random.default_rng(7)
    for name, shape in size.dimensions.shapes().items():
        if len(shape) == 1:
            yield name, np.ones(shape, dtype=np.float32), None
        else:
            yield name, _random_blocks(rng, shape, size.kind), size.kind


def _random_blocks(
    rng: np.random.Generator, shape: tuple[int, ...], kind: gguf.GGMLQuantizationType
) -> NDArray[np.uint8]:
    """Random numbers of about the size that training leaves, straight as blocks: a scale, and bytes by chance."""
    numbers, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (shape[0] * shape[1] // numbers, size), dtype=np.uint8)
    # Q4_K: value = d * scale (0..63) * q (0..15) - dmin * min (0..63), so that the mean is about 0.
    scale = 0.5 / (np.sqrt(shape[1]) * 32 * 8)
    blocks[:, :4] = np.array([scale, scale * 7.5], dtype=np.float16).view(np.uint8)
    return blocks.reshape(shape[0], -1)
