"""An embedder or a reranker for a process of its own: told of its model as plain data, with texts and numbers as bytes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from ragfactory.embedding.catalog import ModelSpec, ResolvedModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

TARGET = f"{__name__}:embedding_server"
RERANKING_TARGET = f"{__name__}:reranking_server"


def setup_of(model: ResolvedModel) -> dict[str, object]:
    """A model as plain data, as `embedding_server` and `reranking_server` take it."""
    return {"spec": asdict(model.spec), "path": str(model.path), "note": model.note, "hashes": str(model.hashes)}


def vectors_of(answers: Sequence[bytes], dimension: int) -> NDArray[np.float32]:
    """The vectors in the answers of `embedding_server`: `(n, d)` float32, unit length."""
    return np.frombuffer(bytearray().join(answers), dtype="<f4").reshape(-1, dimension).astype(np.float32, copy=False)


def embedding_server(setup: dict[str, Any], device: str) -> Callable[[Sequence[bytes]], list[bytes]]:
    """Load the model of `setup_of` onto a torch device. Returns the function that embeds passages in UTF-8.

    Raises what `open_embedder` raises, and the function what an embedder raises.
    """
    from ragfactory.embedding.engine import open_embedder

    embedder = open_embedder(_model_of(setup), device=device)

    def embed(payloads: Sequence[bytes]) -> list[bytes]:
        vectors = embedder.encode([payload.decode() for payload in payloads]).vectors
        return [vector.astype("<f4", copy=False).tobytes() for vector in vectors]

    return embed


def pair(query: str, passage: str) -> bytes:
    """A query and a passage as `reranking_server` takes them."""
    return orjson.dumps((query, passage))


def score_of(answer: bytes) -> float:
    """The score in an answer of `reranking_server`, 0 to 1."""
    return float(np.frombuffer(answer, dtype="<f4")[0])


def reranking_server(setup: dict[str, Any], device: str) -> Callable[[Sequence[bytes]], list[bytes]]:
    """Load the reranker of `setup_of` onto a torch device. Returns the function that scores pairs of one query.

    Raises what `open_reranker` raises, and the function what a reranker raises.
    """
    from ragfactory.embedding.reranker import open_reranker

    reranker = open_reranker(_model_of(setup), device=device)

    def score(payloads: Sequence[bytes]) -> list[bytes]:
        pairs = [orjson.loads(payload) for payload in payloads]
        (query,) = {query for query, _ in pairs}
        scores = reranker.score(query, [passage for _, passage in pairs])
        return [one.tobytes() for one in scores.astype("<f4", copy=False)]

    return score


def _model_of(setup: dict[str, Any]) -> ResolvedModel:
    spec = ModelSpec(**setup["spec"])
    return ResolvedModel(spec, Path(setup["path"]), setup["note"], Path(setup["hashes"]))
