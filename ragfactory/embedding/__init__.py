"""Encoder models: which one, where its files are, from text to unit vectors, and from a query and passages to scores."""
