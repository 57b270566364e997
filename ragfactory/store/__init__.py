"""The store: immutable versions of an index on disk, and how one becomes the next."""
