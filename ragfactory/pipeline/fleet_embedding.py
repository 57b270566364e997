"""The embedder that is a whole fleet: texts go out to all devices, vectors come back in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.embedding.model import Encoded
from ragfactory.embedding.serving import passage, query, vectors_of
from ragfactory.embedding.tokenizer import Tokenizer
from ragfactory.embedding.weights import fingerprint
from ragfactory.errors import EmbeddingFailedError
from ragfactory.fleet.work import Item, ItemError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ragfactory.embedding.catalog import ResolvedModel
    from ragfactory.fleet.scheduler import Fleet


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of texts: the vectors of those that could be embedded, in their order, and by position why the others could not."""

    encoded: Encoded
    failed: Mapping[int, str]


class FleetEmbedder:
    """An Embedder over a fleet whose workers serve `model`, as `ragfactory.embedding.serving` has them do."""

    device = "fleet"

    def __init__(self, model: ResolvedModel, fleet: Fleet) -> None:
        self.name = model.spec.name
        self.dimension = model.spec.dimension
        self.max_tokens = model.spec.max_tokens
        self.fingerprint = fingerprint(model)
        self._spec = model.spec
        self._tokenizer = Tokenizer(model.path / "tokenizer.json")
        self._fleet = fleet

    def attempt(self, texts: Sequence[str]) -> Attempt:
        """Embed the passages that can be. Raises DeviceUnavailableError when no device can do the work."""
        prefix = self._spec.passage_prefix
        return self._attempt([prefix + text for text in texts], [passage(text) for text in texts])

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Embed passages. Raises EmbeddingFailedError for the first that cannot be, else as `attempt` does."""
        return _all(self.attempt(texts))

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """Embed one query: `(d,)` float32, unit length. Raises as `encode` does."""
        vector: NDArray[np.float32] = _all(self._attempt([self._spec.query_prefix + text], [query(text)])).vectors[0]
        return vector

    def _attempt(self, read: Sequence[str], payloads: Sequence[bytes]) -> Attempt:
        """Embed payloads; `read` is what the model reads for each."""
        windows = self._tokenizer.windows(read, self.max_tokens)
        tokens = [sum(map(len, of_text)) for of_text in windows]
        answers = self._fleet.map([Item(str(i), tokens[i], payload) for i, payload in enumerate(payloads)])
        failed = {i: answer.message for i, answer in enumerate(answers) if isinstance(answer, ItemError)}
        good = [answer for answer in answers if isinstance(answer, bytes)]
        encoded = Encoded(
            vectors_of(good, self.dimension),
            tokens=sum(count for i, count in enumerate(tokens) if i not in failed),
            windowed=sum(len(of_text) > 1 for i, of_text in enumerate(windows) if i not in failed),
        )
        assert len(encoded.vectors) + len(failed) == len(payloads), "every text has a vector or an error"
        return Attempt(encoded, failed)


def _all(attempt: Attempt) -> Encoded:
    for position, message in attempt.failed.items():
        raise EmbeddingFailedError(f"text {position} cannot be embedded: {message}", hint="take it out of its document")
    return attempt.encoded
