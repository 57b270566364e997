"""Passages to answer from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.retrieval.answering.model import Source
from ragfactory.retrieval.places import PlaceInDocument
from ragfactory.retrieval.results import Hit
from ragfactory.store.layout import IndexName
from ragfactory.store.records import ChunkRecord, DocumentRecord, Place

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def passages() -> Callable[..., tuple[Source, ...]]:
    """Sources of these texts, of `language`, from files a, b, ... on pages 1, 2, ..."""

    def make(*texts: str, language: str = "en", name: str = "abcdef") -> tuple[Source, ...]:
        return tuple(Source(n, _hit(n, text, language, name[n - 1]), text) for n, text in enumerate(texts, start=1))

    return make


def _hit(n: int, text: str, language: str, name: str) -> Hit:
    path, place = f"{name}.pdf", Place(n=0, start=0, end=len(text), page=n, page_end=n)
    chunk = ChunkRecord(root="/d", path=path, place=place, text=text, context="", language=language, strategy="default")
    document = DocumentRecord(
        root="/d", path=path, key="0" * 64, size=1, mtime_ns=1, recipe="r", document_type="algemeen",
        type_confidence=1.0, format="pdf", chunks=1, rows=((n, 1),),
    )  # fmt: skip
    return Hit(
        index=IndexName("default", "default", "algemeen"), version=1, chunk=chunk, chunk_hash="",
        at=PlaceInDocument(document, place), others=(), score=1.0, dense=None, lexical=None,
        fused=None, preferred=None, rerank=None,
    )  # fmt: skip
