"""Which files of a repository make a model: what the loaders read, and nothing else of what lies there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from ragfactory.download.pickled import PICKLED
from ragfactory.embedding.weights import INDEX, WEIGHTS
from ragfactory.errors import ModelUnavailableError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.download.hub import Listing
    from ragfactory.download.transfer import RemoteFile
    from ragfactory.download.wanted import RepoGguf
    from ragfactory.embedding.catalog import ModelSpec

_BESIDE = ("config.json", "tokenizer.json")
_SHARD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors")
_MOST_NAMES = 12


@dataclass(frozen=True, slots=True)
class Chosen:
    """The files of a model: those to fetch `first`, the index of the weights among them where it is in shards; the shards that
    there are; and the pickle, where its weights are nothing else.
    """

    first: tuple[RemoteFile, ...]
    listed_shards: tuple[RemoteFile, ...] = ()
    pickled: RemoteFile | None = None

    def shards(self, folder: Path) -> list[RemoteFile]:
        """The shards that the index in `folder` names. Raises ModelUnavailableError where the repository lacks one."""
        if not self.listed_shards:
            return []
        there = {shard.name: shard for shard in self.listed_shards}
        try:
            names = sorted(set(orjson.loads((folder / INDEX).read_bytes())["weight_map"].values()))
            return [there[name] for name in names]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ModelUnavailableError(
                f"{INDEX} names weights that are not there", hint="choose another hub"
            ) from error


def choose_files(spec: ModelSpec, listing: Listing, hub: str) -> Chosen:
    """What makes an embedder or a reranker.

    Raises ModelUnavailableError where a file is missing, where there are no weights but pickled ones that are not those known, and
    where the weights are not those that are pinned.
    """
    files, where = listing.files, f"{listing.repo} on {hub}"
    if missing := [name for name in _BESIDE if name not in files]:
        raise _unusable(f"{where} lacks {' and '.join(missing)}")
    beside = tuple(files[name] for name in _BESIDE)
    if WEIGHTS in files:
        _require_pin(spec.sha256, files[WEIGHTS], where)
        return Chosen((*beside, files[WEIGHTS]))
    if spec.sha256 is not None:  # which is that of one file
        raise _unusable(f"{where} lacks {WEIGHTS} with SHA-256 {spec.sha256}")
    if INDEX in files:
        shards = tuple(file for name, file in files.items() if _SHARD.fullmatch(name))
        return Chosen((*beside, files[INDEX]), shards)
    if PICKLED in files:
        if spec.pickle_sha256 is None:
            raise _unusable(
                f"{where} has its weights as a pickle only, {PICKLED}, and none is known that can be trusted"
            )
        _require_pin(spec.pickle_sha256, files[PICKLED], where)
        return Chosen(beside, pickled=files[PICKLED])
    raise _unusable(f"{where} has no safetensors weights")


def choose_gguf(asked: RepoGguf, listing: Listing, hub: str) -> RemoteFile:
    """The GGUF that is asked for; where the name does not say which, the only one.

    Raises UsageError where there are several, or none of that name, naming those there are.
    """
    there = sorted(path for path in listing.files if path.endswith(".gguf"))
    path = asked.path or (there[0] if len(there) == 1 else None)
    if path is not None and path in listing.files:
        return listing.files[path]
    names = ", ".join(there[:_MOST_NAMES]) + (
        f" and {len(there) - _MOST_NAMES} more" if len(there) > _MOST_NAMES else ""
    )
    if not there:
        raise UsageError(
            f"{asked.repo} on {hub} has no GGUF", hint="embedders and rerankers go by their name in `model list`"
        )
    what = f"has no {path}" if path else "has more than one GGUF"
    raise UsageError(f"{asked.repo} on {hub} {what}", hint=f"name one, as {asked.repo}:FILE.gguf; there are: {names}")


def _require_pin(pinned: str | None, weights: RemoteFile, where: str) -> None:
    """Raise ModelUnavailableError where the hub offers other weights than the catalogue knows."""
    offered = weights.digest.value if weights.digest else "no hash"
    if pinned not in {None, offered}:
        raise ModelUnavailableError(
            f"{where}: expected {weights.name} with SHA-256 {pinned}, and the hub offers {offered}",
            hint="choose another hub with --from or HF_ENDPOINT",
        )


def _unusable(message: str) -> ModelUnavailableError:
    hint = "choose another hub with --from or HF_ENDPOINT, or put config.json, tokenizer.json and model.safetensors there by hand"
    return ModelUnavailableError(message, hint=hint)
