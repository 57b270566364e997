"""The language models that can write an answer: a GGUF on this machine, or servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ragfactory.config import Config
    from ragfactory.context.prompt import Prompt
    from ragfactory.context.remote.servers import Server
    from ragfactory.retrieval.answering.model import By

    Listen = Callable[[str], None]

ANSWER_TOKENS = 400
_PROMPT_TOKENS = 768  # instructions and question
_CHARACTERS_A_TOKEN = 2.5  # rather too few than too many


class AnswerWriter(Protocol):
    """Someone who writes an answer. `room` is the characters of passages that it can read."""

    by: By
    room: int

    def write(self, prompt: Prompt, listen: Listen) -> str:
        """The whole answer; `listen` gets it piece by piece meanwhile. Raises ModelUnavailableError."""

    def close(self) -> None:
        """Let go of its memory."""


def open_writer(config: Config, by: By | None) -> AnswerWriter:
    """The writer that is asked for; None means the GGUF that the configuration names, else its servers, else the only GGUF.

    Raises ModelUnavailableError where there is none, ConfigError where the configuration of servers is not whole.
    """
    settings = config.context
    if by == "http" or (by is None and settings.servers and not settings.gguf):
        from ragfactory.context.remote.servers import servers_of

        return ServerWriter(servers_of(settings), settings.window)
    from ragfactory.context.language_models import gguf_path

    return LlamaWriter(gguf_path(config), settings.window)


class LlamaWriter:
    """A GGUF in this process, on the CPU."""

    by: By = "llama"

    def __init__(self, path: Path, window: int) -> None:
        """Load it. Raises what `LlamaEngine.open` raises."""
        from ragfactory.context.llama.engine import LlamaEngine
        from ragfactory.context.llama.planning import CPU, Wish

        shared = max(0, window - _PROMPT_TOKENS - ANSWER_TOKENS)
        wish = Wish(shared=shared, own=_PROMPT_TOKENS, answer=ANSWER_TOKENS, width=1)
        self._engine = LlamaEngine.open(path, CPU, wish, sampler=self._choose)
        self.room = _room(self._engine.plan.prompt + ANSWER_TOKENS)
        self._written: list[int] = []
        self._told = 0
        self._listen: Listen = _to_nobody

    def write(self, prompt: Prompt, listen: Listen) -> str:
        """See AnswerWriter."""
        self._written, self._told, self._listen = [], 0, listen
        ((_, completion),) = self._engine.complete([prompt])
        return completion.text

    def close(self) -> None:
        """See AnswerWriter."""
        self._engine.close()

    def _choose(self, logits: NDArray[np.float32], numbers: Sequence[int]) -> NDArray[np.integer]:
        """The likeliest token, told as soon as it is chosen; a character of several tokens is told with its last."""
        from ragfactory.context.llama.generation import greedy

        tokens = greedy(logits, numbers)
        vocabulary = self._engine.model.vocabulary
        if not vocabulary.is_end(int(tokens[0])):
            self._written.append(int(tokens[0]))
            text = vocabulary.text(self._written)
            self._listen(text[self._told :])
            self._told = len(text)
        return tokens


class ServerWriter:
    """The servers of the configuration: the first that answers is the one."""

    by: By = "http"

    def __init__(self, servers: Sequence[Server], window: int) -> None:
        self.room = _room(window)
        self._servers = servers
        self._window = window

    def write(self, prompt: Prompt, listen: Listen) -> str:
        """See AnswerWriter. What was told cannot be taken back: a server that breaks off is the last that is asked."""
        from ragfactory.config import llm_api_key
        from ragfactory.context.remote.calling import Caller, CallError
        from ragfactory.context.remote.protocols import Sampling, stream_completion
        from ragfactory.context.remote.servers import key_headers

        sampling = Sampling(max_tokens=ANSWER_TOKENS, window=self._window)
        reasons = []
        for server in self._servers:
            caller = Caller(server.endpoint, key_headers(llm_api_key()))
            pieces: list[str] = []
            try:
                for piece in stream_completion(server, caller, prompt, sampling):
                    pieces.append(piece)
                    listen(piece)
                return "".join(pieces)
            except CallError as error:
                reasons.append(f"{server.endpoint.name}: {error}")
            finally:
                caller.close()
            if pieces:
                break
        raise ModelUnavailableError(
            f"no server of context.servers answered: {'; '.join(reasons)}",
            hint="start one of them, or have --by extract take sentences from the passages",
        )

    def close(self) -> None:
        """See AnswerWriter."""


def _room(window: int) -> int:
    return max(0, int((window - _PROMPT_TOKENS - ANSWER_TOKENS) * _CHARACTERS_A_TOKEN))


def _to_nobody(_piece: str) -> None:
    """Tell nobody."""
