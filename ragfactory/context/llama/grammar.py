"""An answer of a shape: which tokens may come next, by llama.cpp's own grammars."""

from __future__ import annotations

import ctypes
import functools
from typing import TYPE_CHECKING

import numpy as np

from ragfactory.context.llama.library import forget_words, last_words, llama_cpp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragfactory.context.llama.vocabulary import Vocabulary

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])  # llama_token_data
_FEW = 64  # tokens that are tried before all of them are


@functools.lru_cache(maxsize=16)
def grammar_of(schema: str) -> str:
    """The grammar (GBNF) of the JSON that a JSON schema allows."""
    llama_cpp()
    from llama_cpp.llama_grammar import json_schema_to_gbnf

    grammar: str = json_schema_to_gbnf(schema)
    return grammar


class Grammar:
    """Where one answer is in its grammar. It is freed on `close`."""

    def __init__(self, schema: str, vocabulary: Vocabulary) -> None:
        """At the beginning of an answer of a JSON schema. Raises ValueError for one that llama.cpp makes no grammar of."""
        self._library = llama_cpp()
        self._vocabulary = vocabulary
        forget_words()
        self._handle = self._library.llama_sampler_init_grammar(vocabulary.handle, grammar_of(schema).encode(), b"root")
        if not self._handle:
            raise ValueError(f"a JSON schema expected that llama.cpp makes a grammar of, it says: {last_words()}")

    def choose(self, logits: NDArray[np.float32]) -> int | None:
        """The likeliest token that may come next, the end of the answer among them; None where there is none. `logits`:
        `(vocabulary,)`.

        Passed over are tokens without a text, as llama.cpp would let `<|eot_id|>` stand for its letters in a string, and control
        characters, which its grammars let into strings as JSON does not.
        """
        likely = np.where(self._vocabulary.plain, logits, -np.inf)
        # To hold a whole vocabulary against the grammar takes milliseconds.
        for count in (1, min(_FEW, len(likely)), len(likely)):
            tokens = np.argpartition(likely, -count)[-count:]
            candidates = np.zeros(count, dtype=_CANDIDATE)
            candidates["id"], candidates["logit"] = tokens, likely[tokens]
            self._forbid(candidates)
            best = candidates[candidates["logit"].argmax()]
            if np.isfinite(best["logit"]):
                return int(best["id"])
        return None

    def accept(self, token: int) -> None:
        """Go on from a token that `choose` gave and that is not the end."""
        self._library.llama_sampler_accept(self._handle, token)

    def close(self) -> None:
        """Free it."""
        if self._handle:
            self._library.llama_sampler_free(self._handle)
            self._handle = None

    def _forbid(self, candidates: NDArray[np.void]) -> None:
        """Set the logit of those that may not come next to minus infinity."""
        pointer = candidates.ctypes.data_as(ctypes.POINTER(self._library.llama_token_data))
        array = self._library.llama_token_data_array(data=pointer, size=len(candidates), selected=-1, sorted=False)
        self._library.llama_sampler_apply(self._handle, ctypes.byref(array))
