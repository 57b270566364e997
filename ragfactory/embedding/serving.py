"""An embedder for a process of its own: what it is told of its model as plain data, and texts and vectors as bytes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ragfactory.embedding.catalog import ModelSpec, ResolvedModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

TARGET = f"{__name__}:embedding_server"


def setup_of(model: ResolvedModel) -> dict[str, object]:
    """A model as plain data, as `embedding_server` takes it."""
    return {"spec": asdict(model.spec), "path": str(model.path), "note": model.note, "hashes": str(model.hashes)}


def vectors_of(answers: Sequence[bytes], dimension: int) -> NDArray[np.float32]:
    """The vectors in the answers of `embedding_server`: `(n, d)` float32, unit length."""
    return np.frombuffer(bytearray().join(answers), dtype="<f4").reshape(-1, dimension).astype(np.float32, copy=False)


def embedding_server(setup: dict[str, Any], device: str) -> Callable[[Sequence[bytes]], list[bytes]]:
    """Load the model of `setup_of` onto a torch device. Returns the function that embeds passages in UTF-8.

    Raises what `open_embedder` raises, and the function what an embedder raises.
    """
    from ragfactory.embedding.engine import open_embedder

    spec = ModelSpec(**setup["spec"])
    embedder = open_embedder(
        ResolvedModel(spec, Path(setup["path"]), setup["note"], Path(setup["hashes"])), device=device
    )

    def embed(payloads: Sequence[bytes]) -> list[bytes]:
        vectors = embedder.encode([payload.decode() for payload in payloads]).vectors
        return [vector.astype("<f4", copy=False).tobytes() for vector in vectors]

    return embed
