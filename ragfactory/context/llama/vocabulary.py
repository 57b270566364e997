"""Text to tokens and back, with the line between a chat's markup and data: only a template's text may become special tokens."""

from __future__ import annotations

import ctypes
import functools
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ragfactory.context.llama.library import llama_cpp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SPACE, _DELETE = 0x20, 0x7F


class Vocabulary:
    """The tokens of a model."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self._library = llama_cpp()
        self.size: int = self._library.llama_vocab_n_tokens(handle)

    def markup(self, text: str) -> NDArray[np.int32]:
        """Tokens `(n,)` of a template's own text, in which `<|eot_id|>` is the token that ends a turn."""
        return self._tokenise(text, parse_special=True)

    def data(self, text: str) -> NDArray[np.int32]:
        """Tokens `(n,)` of text from elsewhere, in which nothing is markup: `<|eot_id|>` is the letters it is written with.

        llama.cpp heeds `parse_special` for control tokens, but finds user-defined ones in any text. So their names are cut in two.
        """
        return joined([self._tokenise(part, parse_special=False) for part in self._user_defined.split(text) if part])

    def text(self, tokens: Sequence[int]) -> str:
        """The text of tokens that a model wrote; special tokens have none. A character that is cut off at the end is left out."""
        return b"".join(self._piece(token) for token in tokens).decode(errors="ignore")

    def name(self, token: int) -> str:
        """A token as the vocabulary spells it; empty for the token -1, which stands for none."""
        spelled = self._library.llama_vocab_get_text(self.handle, token) if token >= 0 else b""
        return str(spelled.decode(errors="replace"))

    @property
    def begin(self) -> int:
        """The token that begins a text, -1 where there is none."""
        return int(self._library.llama_vocab_bos(self.handle))

    @property
    def end(self) -> int:
        """The token that ends a text, -1 where there is none."""
        return int(self._library.llama_vocab_eos(self.handle))

    @property
    def adds_begin(self) -> bool:
        """Whether the model expects every text to begin with `begin`."""
        return bool(self._library.llama_vocab_get_add_bos(self.handle)) and self.begin >= 0

    def is_end(self, token: int) -> bool:
        """Whether an answer ends with this token."""
        return bool(self._library.llama_vocab_is_eog(self.handle, token))

    @functools.cached_property
    def plain(self) -> NDArray[np.bool_]:
        """`(size,)`: whether a token writes text without control characters, or ends an answer."""
        pieces = map(self._piece, range(self.size))
        texts = (bool(piece) and min(piece) >= _SPACE and _DELETE not in piece for piece in pieces)
        return np.fromiter((text or self.is_end(token) for token, text in enumerate(texts)), dtype=np.bool_)

    def is_control(self, token: int) -> bool:
        """Whether the token is one of the chat's markup."""
        return bool(self._library.llama_vocab_is_control(self.handle, token))

    @functools.cached_property
    def _user_defined(self) -> re.Pattern[str]:
        """Where a text is cut: after the first character of each user-defined token's name; runs of white space may stay."""
        attribute = self._library.LLAMA_TOKEN_ATTR_USER_DEFINED
        defined = [t for t in range(self.size) if self._library.llama_vocab_get_attr(self.handle, t) & attribute]
        names = {self._piece(token, special=True).decode(errors="ignore") for token in defined}
        cuts = [f"(?<={re.escape(n[0])})(?={re.escape(n[1:])})" for n in sorted(names) if len(n) > 1 and n.strip()]
        return re.compile("|".join(cuts) or r"(?!)")

    def _tokenise(self, text: str, *, parse_special: bool) -> NDArray[np.int32]:
        encoded = text.encode()
        room = len(encoded) + 8  # a token is at least a byte, but for what a vocabulary puts before a text
        tokens = np.empty(room, dtype=np.int32)
        pointer = tokens.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        count = self._library.llama_tokenize(
            self.handle,
            encoded,
            len(encoded),
            pointer,
            room,
            False,
            parse_special,
        )
        assert count >= 0, "there is room for every byte"
        return tokens[:count].copy()

    def _piece(self, token: int, *, special: bool = False) -> bytes:
        buffer = ctypes.create_string_buffer(64)
        size = self._library.llama_token_to_piece(self.handle, token, buffer, len(buffer), 0, special)
        if size < 0:
            buffer = ctypes.create_string_buffer(-size)
            size = self._library.llama_token_to_piece(self.handle, token, buffer, len(buffer), 0, special)
        return buffer.raw[:size]


def joined(parts: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Tokens one after the other; none are an array too."""
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)
