"""The identity of a chunk: its text, however it is spaced and composed."""

from __future__ import annotations

import hashlib
import unicodedata


def chunk_key(text: str) -> str:
    """SHA-256 (hex) of a text in Unicode NFC with runs of white space made one space."""
    normal = " ".join(unicodedata.normalize("NFC", text).split())
    return hashlib.sha256(normal.encode()).hexdigest()
