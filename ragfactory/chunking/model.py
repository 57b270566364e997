"""A chunk: a passage to retrieve, with its place in the document."""

from __future__ import annotations

from dataclasses import dataclass

from ragfactory.chunking.keys import chunk_key


@dataclass(frozen=True, slots=True)
class Span:
    """What a strategy yields: the stretch `Document.text[start:end]`, and text to repeat before it.

    `prefix` holds the caption and column heads of a table that was cut in two; it is empty otherwise.
    """

    start: int
    end: int
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage with its provenance. `text == prefix + document.text[start:end]`, always.

    `headings` is the path of the section that most of it stands in, the outermost heading first; `sections` are those of all of
    it but its overlap, in reading order. `caption` and `columns` are those of its largest table in that section.
    """

    text: str
    start: int
    end: int
    prefix: str = ""
    page: int | None = None
    page_end: int | None = None
    headings: tuple[str, ...] = ()
    sections: tuple[tuple[str, ...], ...] = ()
    caption: str | None = None
    columns: tuple[str, ...] = ()
    language: str | None = None

    @property
    def key(self) -> str:
        """The chunk's identity: SHA-256 (hex) of its text in Unicode NFC with runs of white space made one space."""
        return chunk_key(self.text)
