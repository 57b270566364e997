"""Models from a hub: what to get for a name, the way it comes here, and how it gets its place. Imported by `model pull` alone."""
