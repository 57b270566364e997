"""Queries as vectors: each index understands only those of the model that made its own."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ragfactory.errors import IndexNotFoundError, MissingExtraError, ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from ragfactory.embedding.catalog import ResolvedModel
    from ragfactory.embedding.model import Embedder
    from ragfactory.store.records import EmbedderEntry, Manifest
    from ragfactory.store.vectors import Matrix


_MAX_CHARACTERS = 4_000  # about what is looked up by words, too: more only makes a search slow


@lru_cache(maxsize=2)
def _warm(model: ResolvedModel, _fingerprint: str) -> Embedder:
    """A loaded model, which stays in the process: the next version of an index is searched with the same one."""
    from ragfactory.embedding.engine import open_query_embedder

    return open_query_embedder(model)


class QueryEmbedders:
    """The embedders of some indexes, found among the models of a folder. They are loaded at the first query, and stay."""

    def __init__(self, manifests: Collection[Manifest], models: Path) -> None:
        self._entries = {manifest.embedder.fingerprint: manifest.embedder for manifest in manifests}
        self._users = {
            fingerprint: ", ".join(m.index for m in manifests if m.embedder.fingerprint == fingerprint)
            for fingerprint in self._entries
        }
        self._models = models
        self._opened: dict[str, Embedder] = {}

    def encode(self, query: str) -> dict[str, Matrix]:
        """The query's vector, (d,) float32 of unit length, by the fingerprint of each embedder. Of a query longer than 4,000
        characters the rest has no part in it.

        Raises IndexNotFoundError when a model is not there or is another one, MissingExtraError when a package is missing.
        """
        return {
            fingerprint: self._embedder(entry).encode_query(query[:_MAX_CHARACTERS])
            for fingerprint, entry in self._entries.items()
        }

    def _embedder(self, entry: EmbedderEntry) -> Embedder:
        if entry.fingerprint not in self._opened:
            self._opened[entry.fingerprint] = _warm(self._resolve(entry), entry.fingerprint)
        return self._opened[entry.fingerprint]

    def _resolve(self, entry: EmbedderEntry) -> ResolvedModel:
        from ragfactory.embedding.locate import resolve
        from ragfactory.embedding.weights import fingerprint

        users = self._users[entry.fingerprint]
        hint = f"put {entry.name} in {self._models}, or search with --mode text"
        try:
            model = resolve(entry.name, self._models)
        except MissingExtraError:
            raise
        except ModelUnavailableError as error:
            raise IndexNotFoundError(
                f"{users}: made with {entry.name}; {error.message}", hint=error.hint or hint
            ) from error
        if fingerprint(model) != entry.fingerprint:
            raise IndexNotFoundError(
                f"{users}: made with other weights of {entry.name} than those in {model.path}", hint=hint
            )
        return model
