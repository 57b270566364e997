"""A data factory for retrieval-augmented generation: folders of business documents in, a searchable versioned index out."""

__version__ = "0.1.0"
