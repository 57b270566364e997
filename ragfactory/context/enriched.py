"""The enriched text of a chunk: what is embedded and searched beside the raw text, never shown in its place."""

from __future__ import annotations

from ragfactory.context.text import one_line

VERSION = 1  # raise it when the same parts would make another text


def enriched_text(filename: str, document_type: str, context: str, text: str) -> str:
    """The chunk's `text` under a header of document, type and context; an empty context has no line."""
    header = {"Document": filename, "Type": document_type, "Context": context}
    lines = [f"[{label}: {value}]" for label, said in header.items() if (value := one_line(said))]
    return "\n".join((*lines, "", text))
