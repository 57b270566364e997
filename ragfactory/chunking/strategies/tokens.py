"""Tokens: the window of `words`, which ends at words too, with size and overlap counted in the embedder's tokens."""

from ragfactory.chunking.strategies.words import spans

__all__ = ["spans"]
