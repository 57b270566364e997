"""The identity of a model: the hashes of its weights, remembered on disk, and the fingerprint that keys its vectors."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
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
        "tokenizer": _sha256(model.path / "tokenizer.json"),
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
    digests = [_remembered_sha256(file, model.hashes) for file in weight_files(model.path)]
    digest = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    if model.spec.sha256 not in (None, digest):
        raise ModelUnavailableError(
            f"{model.spec.name}: expected weights with SHA-256 {model.spec.sha256}, got {digest}",
            hint="the files are damaged or another model's: remove them, or install their package again",
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


def _remembered_sha256(file: Path, memory: Path) -> str:
    """The file's SHA-256, from `memory` while its size and modification time stand."""
    status = file.stat()
    key = f"{file.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    known = _read(memory)
    if key not in known:
        known[key] = _sha256(file)
        _write(memory, known)
    return str(known[key])


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read(memory: Path) -> dict[str, Any]:
    try:
        known = orjson.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(memory: Path, known: dict[str, Any]) -> None:
    # A folder that cannot be written costs the next run a second look at the weights, nothing else.
    with contextlib.suppress(OSError):
        memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=memory.parent, delete=False) as stream:
            stream.write(orjson.dumps(known))
        Path(stream.name).replace(memory)
