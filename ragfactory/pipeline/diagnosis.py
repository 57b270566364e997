"""What a run needs and whether it is on this machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ragfactory.embedding.locate import resolve
from ragfactory.embedding.weights import fingerprint
from ragfactory.errors import MissingExtraError, RagfactoryError
from ragfactory.fleet.driver import open_driver
from ragfactory.profiles import load_profiles
from ragfactory.store.durable import make_private_dirs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragfactory.config import Config

_LOW_DISK_GIB = 2
_AT_ONCE = 16  # servers that are asked at the same time


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `required` when a run cannot do without.

    `fault` is what is wrong with a file that is there, rather than absent: it is damaged, or nothing here can use it.
    """

    what: str
    ok: bool
    found: str
    hint: str = ""
    required: bool = True
    fault: Literal["damaged", "unfit"] | None = None


def diagnose(config: Config) -> list[Finding]:
    """Look at packages, models, the servers of language models, profiles and the disk."""
    return [
        _disk(config),
        _package("faiss", ("faiss-cpu", "faiss-gpu-cu12"), "pip install 'ragfactory[cpu]'"),
        _package("torch", ("torch",), "pip install 'ragfactory[minilm]'"),
        _package("llama_cpp", ("llama-cpp-python",), "pip install 'ragfactory[llm]'", required=False),
        _attempt("embedder", lambda: _embedder(config)),
        *_language_models(config),
        _attempt("profiles", lambda: f"{len(load_profiles(config.profile_dirs))} valid"),
        *_cards(),
    ]


def _package(module: str, distributions: tuple[str, ...], hint: str, *, required: bool = True) -> Finding:
    if importlib.util.find_spec(module) is None:
        return Finding(module, ok=False, found="not installed", hint=hint, required=required)
    for name in distributions:
        try:
            return Finding(module, ok=True, found=f"{name} {importlib.metadata.version(name)}", required=required)
        except importlib.metadata.PackageNotFoundError:
            continue
    return Finding(module, ok=True, found="installed, of unknown version", required=required)


def _attempt(what: str, attempt: Callable[[], str]) -> Finding:
    try:
        return Finding(what, ok=True, found=attempt())
    except RagfactoryError as error:
        return Finding(what, ok=False, found=error.message, hint=error.hint or "")


def _embedder(config: Config) -> str:
    model = resolve(config.embedder, config.models)
    return f"{model.spec.name}, weights {fingerprint(model)[:12]}, {model.path}"


def _language_models(config: Config) -> Iterator[Finding]:
    """The servers and the GGUF that the configuration names; nothing where it names none."""
    if config.context.servers:
        yield from _servers(config)
    if config.context.gguf:
        yield replace(_gguf(config), required=False)


def _gguf(config: Config) -> Finding:
    """Whether the GGUF is there, is whole, and is one that llama.cpp, where that is installed, can write with."""
    from ragfactory.context.gguf_file import require_whole
    from ragfactory.context.language_models import gguf_path
    from ragfactory.context.llama.model import read_shape

    try:
        path = gguf_path(config)
    except RagfactoryError as error:
        return Finding("context.gguf", ok=False, found=error.message, hint=error.hint or "")
    fault: Literal["damaged", "unfit"] = "damaged"
    try:
        require_whole(path)
        fault = "unfit"
        read_shape(path)
    except MissingExtraError:  # which has a finding of its own
        pass
    except RagfactoryError as error:
        return Finding("context.gguf", ok=False, found=error.message, hint=error.hint or "", fault=fault)
    return Finding("context.gguf", ok=True, found=str(path))


def _servers(config: Config) -> Iterator[Finding]:
    """What each server answers; all are asked at the same time."""
    from ragfactory.config import llm_api_key
    from ragfactory.context.remote.calling import CallError
    from ragfactory.context.remote.looking import look_at
    from ragfactory.context.remote.servers import Server, key_headers, servers_of

    def look(server: Server) -> Finding:
        try:
            ok, found = True, look_at(server, headers)
        except CallError as error:
            ok, found = False, str(error)
        return Finding("context.servers", ok, f"{server.endpoint.name}: {found}", required=False)

    try:
        servers, headers = servers_of(config.context), key_headers(llm_api_key())
    except RagfactoryError as error:
        yield Finding("context.servers", ok=False, found=error.message, hint=error.hint or "", required=False)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(look, servers)


def _disk(config: Config) -> Finding:
    try:
        make_private_dirs(config.home)
        free = shutil.disk_usage(config.home).free / 2**30
    except OSError as error:
        return Finding("home", ok=False, found=f"{config.home}: {error.strerror}", hint="choose another with --home")
    roomy = free >= _LOW_DISK_GIB
    return Finding("home", ok=roomy, found=f"{config.home}, {free:.0f} GiB free", hint="make room", required=False)


def _cards() -> Iterator[Finding]:
    """The GPUs, as the driver names them; a machine without one runs on the CPU."""
    with open_driver() as driver:
        box = driver.look()
    if box.problem:
        yield Finding("GPU", ok=False, found=f"{box.problem}: the CPU is used", required=False)
    for card in box.cards:
        found = card.problem or f"{card.name}, {card.total_mb / 1024:.0f} GiB"
        yield Finding(f"GPU {card.index}", ok=card.problem is None, found=found, required=False)
