"""A model's own tokenizer: offsets and counts for the chunkers, token ids for the models."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import tokenizers

from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Tokenizer:
    """Cuts text into the tokens of one model. Offsets and counts are without special tokens."""

    def __init__(self, file: Path) -> None:
        """Read a `tokenizer.json`. Raises ModelUnavailableError when it is missing or damaged."""
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(file))
        except Exception as error:  # the package raises nothing narrower
            raise ModelUnavailableError(
                f"{file}: not a readable tokenizer: {error}",
                hint="put the model's tokenizer.json there again: `ragfactory model pull NAME --force` gets it",
                path=str(file),
            ) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Where each token stands: `text[start:end]`, in reading order."""
        return self._tokenizer.encode(text, add_special_tokens=False).offsets

    def count(self, text: str) -> int:
        """How many tokens the text has."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def windows(self, texts: Sequence[str], max_tokens: int) -> list[list[list[int]]]:
        """For each text, the token ids of its windows: as few as hold every token, of near-equal length.

        A window has the special tokens the model expects, and at most `max_tokens` ids with them. A text without tokens
        has one window.
        """
        room = max_tokens - self._tokenizer.num_special_tokens_to_add(False)
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [self._windows(encoding, room) for encoding in encodings]

    def pairs(self, query: str, passages: Sequence[str], max_tokens: int) -> list[list[int]]:
        """The token ids of the query with each passage, as a model that reads both expects them: at most `max_tokens`.

        A query takes half of them at most, a passage what is left; what is longer loses its end.
        """
        room = max_tokens - self._tokenizer.num_special_tokens_to_add(True)
        asked = self._tokenizer.encode(query, add_special_tokens=False)
        asked.truncate(room // 2)
        encodings = self._tokenizer.encode_batch_fast(list(passages), add_special_tokens=False)
        for encoding in encodings:
            encoding.truncate(room - len(asked))
        return [self._tokenizer.post_process(asked, encoding).ids for encoding in encodings]

    def _windows(self, encoding: tokenizers.Encoding, room: int) -> list[list[int]]:
        count = math.ceil(len(encoding) / room)
        if count > 1:
            encoding.truncate(math.ceil(len(encoding) / count))
        first = self._tokenizer.post_process(encoding)
        return [window.ids for window in (first, *first.overflowing)]
