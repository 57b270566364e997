"""Embedding models: which one, where its files are, and from text to unit vectors."""
