"""The language models that can write an answer: a GGUF on this machine, or servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.context.language_models import preferred
from ragfactory.errors import ModelUnavailableError
from ragfactory.retrieval.answering.writing import ANSWER_TOKENS, room_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.config import Config
    from ragfactory.context.language_models import Kind
    from ragfactory.context.prompt import Prompt
    from ragfactory.context.remote.servers import Server
    from ragfactory.retrieval.answering.writing import AnswerWriter, Listen


def open_writer(config: Config, by: Kind | None) -> AnswerWriter:
    """The writer that is asked for, or the one that is preferred.

    Raises ModelUnavailableError where there is none, ConfigError where the configuration of servers is not whole.
    """
    settings = config.context
    if (by or preferred(settings)) == "http":
        from ragfactory.context.remote.servers import servers_of

        return ServerWriter(servers_of(settings), settings.window)
    from ragfactory.retrieval.answering.gguf import open_gguf

    return open_gguf(config)


class ServerWriter:
    """The servers of the configuration: the first that answers is the one."""

    by: Kind = "http"
    device: str | None = None
    notes: tuple[str, ...] = ()

    def __init__(self, servers: Sequence[Server], window: int) -> None:
        self.room = room_in(window)
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
