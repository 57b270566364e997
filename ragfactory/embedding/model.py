"""What an embedder is: text in, unit vectors out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Encoded:
    """The vectors of `n` texts, in the order of the texts: `(n, d)` float32, unit length.

    `tokens` is what the model read: special tokens included, padding not. `windowed` counts the texts that were longer
    than the model's window and were embedded in several.
    """

    vectors: NDArray[np.float32]
    tokens: int
    windowed: int


class Embedder(Protocol):
    """A loaded embedding model.

    `max_tokens` is the window, special tokens included. A longer text is embedded in windows of near-equal length, whose
    vectors are averaged, weighted by their tokens, and normalised again: no text is cut off. `fingerprint` is what
    `ragfactory.embedding.weights` makes of the model: two embedders with one fingerprint make the same vectors.
    """

    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    @property
    def max_tokens(self) -> int: ...

    @property
    def fingerprint(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Embed passages. Raises ModelUnavailableError when the model makes a vector that is not finite."""
        ...

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """Embed one query: `(d,)` float32, unit length. Raises as `encode` does."""
        ...
