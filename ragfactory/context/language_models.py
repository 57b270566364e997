"""The language model that a profile has its contexts written by: where it is, how it is asked, and what tells it from others."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from ragfactory.context.answers import MAX_TOKENS
from ragfactory.context.cache import Model
from ragfactory.context.gguf_file import require_whole
from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ragfactory.config import Config, Context

Kind: TypeAlias = Literal["llama", "http"]  # a GGUF on this machine, or servers

_ROOM_MB = 1024


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """Who writes contexts (`identity`) and how (`sampling`); both are part of every context's key.

    `window` is the tokens of a prompt and its answer together, `path` the GGUF file of one that runs on this machine.
    """

    identity: Model
    sampling: Mapping[str, object]
    window: int
    path: Path | None = None


def language_model(writer: str, config: Config) -> LanguageModel | None:
    """The model that a profile's `enrich.writer` asks for; None for a writer that needs none.

    Raises ConfigError where the configuration does not name servers, ModelUnavailableError where there is no such GGUF, or it is
    cut off or damaged.
    """
    if writer == "llama":
        from ragfactory.context.llama.serving import fingerprint

        path = gguf_path(config)
        require_whole(path)
        identity = Model(writer, path.name, fingerprint(path, config.models / "hashes.json"))
        return LanguageModel(identity, {"max_tokens": MAX_TOKENS, "sampler": "greedy"}, config.context.window, path)
    if writer == "http":
        from ragfactory.context.remote.protocols import Sampling
        from ragfactory.context.remote.servers import servers_of

        servers_of(config.context)
        sampling = asdict(Sampling(window=config.context.window))
        # A server does not tell the hash of its weights: the name that it knows them by has to do.
        identity = Model(writer, config.context.model, f"{writer}/{config.context.model}")
        return LanguageModel(identity, sampling, config.context.window)
    return None


def preferred(settings: Context) -> Kind:
    """What answers where nobody says what should: the GGUF that the configuration names, else its servers, else the only GGUF."""
    return "http" if settings.servers and not settings.gguf else "llama"


def least_card_mb(gguf: Path) -> int:
    """The free memory, in MiB, from which on a card is worth trying: its weights, a few chunks at a time, and what CUDA takes.

    llama.cpp would tell it better; importing it may start CUDA, which is left to workers. They plan with what is really free.
    """
    return gguf.stat().st_size // 2**20 + _ROOM_MB


def gguf_path(config: Config) -> Path:
    """The GGUF of `context.gguf`: a path, or a name in the models folder; where it says nothing, the only one that is there."""
    named = config.context.gguf
    hint = (
        f"`ragfactory model pull OWNER/REPO:FILE.gguf` gets one; or put one into {config.models}, or name it in config.toml:"
        " [context] gguf = ..."
    )
    if named:
        path = config.models / Path(named).expanduser()
        if path.is_dir():
            raise ModelUnavailableError(
                f"context.gguf: a file expected, and it is a folder: {path}", hint=hint, path=str(path)
            )
        if not path.is_file():
            raise ModelUnavailableError(f"context.gguf: there is no file {path}", hint=hint, path=str(path))
        return path
    found = sorted(config.models.rglob("*.gguf"))
    if len(found) != 1:
        there = ", ".join(path.name for path in found) or "none"
        if found:
            hint = "say which in config.toml: [context] gguf = ..."
        raise ModelUnavailableError(f"one GGUF file expected in {config.models}, found {there}", hint=hint)
    return found[0]
