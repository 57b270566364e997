"""Files to documents: parsers behind a registry, encodings, languages, recognition."""
