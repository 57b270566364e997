"""What a chunk does not say itself: the context writers and the enriched text."""
