"""Where a model's files are on this machine, and which embedder and reranker that gives. Never the network, and no heavy import."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from ragfactory.embedding.catalog import (
    ALL_MINILM_L6_V2,
    AUTO,
    BGE_M3,
    BGE_RERANKER_V2_M3,
    ModelSpec,
    ResolvedModel,
    get_spec,
)
from ragfactory.embedding.weights import weight_files
from ragfactory.errors import MissingExtraError, ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTRA = "minilm"


def resolve(name: str, models_dir: Path) -> ResolvedModel:
    """The embedder of that name with its files; `auto` is bge-m3 where it is on the machine, else all-minilm-l6-v2.

    Raises UsageError for an unknown name, MissingExtraError when a package is not installed, ModelUnavailableError when
    the model's files are not on this machine.
    """
    if name != AUTO:
        spec = get_spec(name)
        return _resolved(spec, models_dir, f"embedder {name}, as asked for")
    if find_model(BGE_M3, models_dir):
        return _resolved(BGE_M3, models_dir, f"embedder {BGE_M3.name}, the full model")
    note = f"embedder {ALL_MINILM_L6_V2.name}, built in, for English: {_absence(BGE_M3, models_dir)}"
    return _resolved(ALL_MINILM_L6_V2, models_dir, note)


def resolve_reranker(models_dir: Path) -> ResolvedModel:
    """The reranker with its files. Raises as `resolve` does."""
    return _resolved(BGE_RERANKER_V2_M3, models_dir, f"reranker {BGE_RERANKER_V2_M3.name}")


def reranker_shortcoming(models_dir: Path) -> str | None:
    """Why there is no reranker to be had on this machine, in one line; None where there is one."""
    try:
        resolve_reranker(models_dir)
    except ModelUnavailableError as error:
        here = find_model(BGE_RERANKER_V2_M3, models_dir)
        return error.message if here else _absence(BGE_RERANKER_V2_M3, models_dir)
    return None


def find_model(spec: ModelSpec, models_dir: Path) -> Path | None:
    """The first complete folder of that model: in `models_dir`, in the Hugging Face cache, in its Python package."""
    return next((folder for folder in _places(spec, models_dir) if _shortcoming(folder) is None), None)


def _resolved(spec: ModelSpec, models_dir: Path, note: str) -> ResolvedModel:
    path = find_model(spec, models_dir)
    if path is None:
        raise _absent(spec, models_dir)
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError("torch", EXTRA)
    return ResolvedModel(spec, path, note, models_dir / "weights.json")


def _absent(spec: ModelSpec, models_dir: Path) -> ModelUnavailableError:
    if spec.package:
        return MissingExtraError(spec.package.replace("_", "-"), EXTRA)
    reasons = _shortcomings(spec, models_dir) or ["not found"]
    return ModelUnavailableError(
        f"the {spec.role} {spec.name} is not on this machine: " + "; ".join(reasons),
        hint=f"`ragfactory model pull {spec.name}` gets it; or put config.json, tokenizer.json and model.safetensors of"
        f" {spec.repo} in {models_dir / spec.name}",
    )


def _absence(spec: ModelSpec, models_dir: Path) -> str:
    """That a model is not on this machine, or what is wrong with the folders of it that are, and how to get it: in one line."""
    absent = "; ".join(_shortcomings(spec, models_dir)) or f"{spec.name} is not on this machine"
    return f"{absent} (`ragfactory model pull {spec.name}` gets it)"


def _places(spec: ModelSpec, models_dir: Path) -> Iterator[Path]:
    yield models_dir / spec.name
    yield from _hub_snapshots(spec.repo)
    package = importlib.util.find_spec(spec.package) if spec.package else None
    if package:
        yield from (Path(folder) / "model" for folder in package.submodule_search_locations or ())


def _hub_snapshots(repo: str) -> Iterator[Path]:
    """Every snapshot of a repository in the Hugging Face cache, that of `main` first.

    The others count too: a repository whose `main` has pickled weights alone often has safetensors on another revision.
    """
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / constants.REPO_ID_SEPARATOR.join(("models", *repo.split("/")))
    main = folder / "refs" / "main"
    current = main.read_text(encoding="utf-8").strip() if main.is_file() else None
    yield from sorted(folder.glob("snapshots/*"), key=lambda snapshot: (snapshot.name != current, snapshot.name))


def _shortcomings(spec: ModelSpec, models_dir: Path) -> list[str]:
    """Why the folders that are there do not count."""
    folders = (folder for folder in _places(spec, models_dir) if folder.is_dir())
    return [f"{folder} {reason}" for folder in folders if (reason := _shortcoming(folder))]


def _shortcoming(folder: Path) -> str | None:
    """What keeps a folder from being a complete model, or None."""
    if not weight_files(folder):
        if any(folder.glob("pytorch_model*.bin")):
            return "has only pytorch_model.bin, a pickle, which is never loaded: safetensors are needed"
        return "has no complete safetensors weights"
    missing = [name for name in ("config.json", "tokenizer.json") if not (folder / name).is_file()]
    return f"lacks {' and '.join(missing)}" if missing else None
