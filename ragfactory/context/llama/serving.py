"""A language model for a process of its own: what it is told of its model as plain data, and prompts and answers as bytes."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ragfactory.context.llama.aloud import Aloud
from ragfactory.context.llama.engine import LlamaEngine
from ragfactory.context.llama.planning import Wish
from ragfactory.context.prompt import Completion, Prompt
from ragfactory.hashes import remembered_sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TARGET = f"{__name__}:context_server"
ALOUD_TARGET = f"{__name__}:aloud_server"

logger = logging.getLogger(__name__)


def fingerprint(path: Path, hashes: Path) -> str:
    """SHA-256 (hex) of the GGUF, which holds its tokenizer and chat template too. `hashes` remembers it."""
    return remembered_sha256(path, hashes)


def setup_of(path: Path, wish: Wish | None = None, *, keep_free_mb: int = 0) -> dict[str, object]:
    """A model and what its prompts look like as plain data, as `context_server` takes it; `keep_free_mb` is left to others."""
    return {"path": str(path), "wish": asdict(wish or Wish()), "keep_free_mb": keep_free_mb}


def question(prompt: Prompt) -> bytes:
    """A prompt as `context_server` takes it."""
    return orjson.dumps(prompt)


def completion_of(answer: bytes) -> Completion:
    """The completion in an answer of `context_server`."""
    return Completion(**orjson.loads(answer))


def context_server(setup: dict[str, Any], device: str) -> Callable[[Sequence[bytes]], Iterator[tuple[int, bytes]]]:
    """Load the model of `setup_of` onto `cpu` or `cuda`. Returns the function that gives each prompt's number and answer.

    Raises what `LlamaEngine.open` raises, and the function what `LlamaEngine.complete` raises.
    """
    engine = LlamaEngine.open(Path(setup["path"]), device, Wish(**setup["wish"]), keep_free_mb=setup["keep_free_mb"])
    if engine.note is not None:
        logger.warning("%s", engine.note)

    def answer(payloads: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
        prompts = (Prompt(**orjson.loads(payload)) for payload in payloads)
        for number, completion in engine.complete(prompts):
            yield number, orjson.dumps(completion)

    return answer


def aloud_server(
    setup: dict[str, Any], device: str, tell: Callable[[str], None]
) -> Callable[[Sequence[bytes]], list[bytes]]:
    """Load the model of `setup_of`, for someone who reads along. Returns the function that answers prompts one after the other and
    has `tell` what is written. Raises as `context_server` does.
    """
    model = Aloud(Path(setup["path"]), device, Wish(**setup["wish"]), keep_free_mb=setup["keep_free_mb"])
    if model.note is not None:
        logger.warning("%s", model.note)

    def answer(payloads: Sequence[bytes]) -> list[bytes]:
        prompts = (Prompt(**orjson.loads(payload)) for payload in payloads)
        return [orjson.dumps(model.complete(prompt, tell)) for prompt in prompts]

    return answer
