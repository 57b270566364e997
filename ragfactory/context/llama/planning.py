"""How many chunks are answered at a time, and in what memory: from a model's sizes and what a device has free."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

CPU = "cpu"
KvPrecision = Literal["f16", "q8_0"]

MIB = 2**20
_WIDTH, _WIDTH_ON_CPU = 16, 8  # a CPU is busy with few already, and reads past what others have in memory
_BYTES: dict[KvPrecision, float] = {"f16": 2.0, "q8_0": 34 / 32}  # q8_0 is 32 bytes and a scale of 2 for 32 numbers
_UBATCH = 512  # tokens that llama.cpp computes at once
_UBATCH_OF_SCORES = 128  # where all their scores are in memory
_FIXED_MB = 512  # what CUDA and its libraries take for themselves


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The sizes of a model that decide what it takes: `window` is the longest text it was trained on, in tokens; `key` and `value`
    are the numbers of one head; `file_bytes` is about what its weights take.
    """

    architecture: str
    file_bytes: int
    layers: int
    embedding: int
    heads: int
    kv_heads: int
    key: int
    value: int
    window: int
    vocabulary: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What prompts look like, in tokens: the longest part that a document's prompts share, a chunk's own part, an answer.

    `width` is how many chunks are answered at a time, by default 16 on a card and 8 on a CPU.
    """

    shared: int = 8192
    own: int = 640
    answer: int = 80
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """`width` chunks at a time in memory for `context` tokens of precision `kv`; `prompt` is the longest prompt, in tokens.

    With `flash`, attention never holds all its scores at once: cards are faster so, and memory at q8_0 needs it; a CPU is slower
    so. `needed_mb` is what weights, memory and computing take together, in MiB.
    """

    width: int
    context: int
    kv: KvPrecision
    flash: bool
    prompt: int
    answer: int
    needed_mb: int

    @property
    def ubatch(self) -> int:
        """How many tokens are computed at once. The scores of 128 lie in a CPU's cache; those of 512 would be read from memory."""
        return _UBATCH if self.flash else _UBATCH_OF_SCORES

    @property
    def outputs(self) -> int:
        """Of how many of those tokens there is room for logits: no more than are wanted, or of all of them.

        llama.cpp lays out its memory by it. With room for 2, 5 or 17, a virtual machine's CPU read up to a third slower for minutes
        on end than with room for all; at other times as fast.
        """
        return self.width + 1 if self.flash else _UBATCH_OF_SCORES


def plan(shape: ModelShape, free_mb: int, wish: Wish | None = None, *, device: str) -> Plan:
    """The best plan that fits into `free_mb` MiB: as wished at f16, or else as wide as it can be at q8_0.

    Where even one chunk at a time does not fit, the document's part is halved, down to 512 tokens. Raises ModelUnavailableError
    when that does not fit either.
    """
    wish = wish or Wish()
    for candidate in _candidates(shape, wish, device):
        if candidate.needed_mb <= free_mb:
            return candidate
    raise ModelUnavailableError(
        f"the model needs {candidate.needed_mb:,} MiB at the least, {free_mb:,} MiB are free",
        hint="choose a smaller model or quantisation, or free memory: `ragfactory gpu status` shows what holds it",
    )


def _candidates(shape: ModelShape, wish: Wish, device: str) -> Iterator[Plan]:
    """Plans from the best to the last resort."""
    shared = min(wish.shared, max(0, shape.window - wish.own - wish.answer))
    widest = wish.width or (_WIDTH_ON_CPU if device == CPU else _WIDTH)
    yield _plan(shape, wish, shared, widest, "f16", flash=device != CPU)
    for width in range(widest, 0, -1):
        yield _plan(shape, wish, shared, width, "q8_0")
    while shared > 512:
        shared = max(512, shared // 2)
        yield _plan(shape, wish, shared, 1, "q8_0")


def _plan(shape: ModelShape, wish: Wish, shared: int, width: int, kv: KvPrecision, *, flash: bool = True) -> Plan:
    context = -(-(shared + width * (wish.own + wish.answer)) // 256) * 256  # llama.cpp rounds up to that
    numbers = shape.layers * shape.kv_heads * (shape.key + shape.value)
    memory = context * numbers * _BYTES[kv]
    made = Plan(width, context, kv, flash, min(context, shape.window) - wish.answer, wish.answer, needed_mb=0)
    # At 4 bytes: some activations of a batch as wide as the model, attention's mask or all its scores, the logits.
    scores = context * (1 if flash else 1 + 2 * shape.heads)
    computing = 4 * (made.ubatch * (8 * shape.embedding + scores) + made.outputs * shape.vocabulary)
    return replace(made, needed_mb=round((shape.file_bytes + memory + computing) / MIB + _FIXED_MB))
