"""The obvious script of one's own to compare with: sentence-transformers, FAISS and bm25s over pieces of 1,000 characters.

Text is what PyMuPDF says or the file as it is, paragraphs are packed to 1,000 characters, all-MiniLM-L6-v2 searches a flat index,
bm25s its words as they are, and both are fused by reciprocal rank (G. Cormack, C. Clarke, S. Büttcher, SIGIR 2009; k = 60).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragfactory.evaluation.metrics import DEPTH
from ragfactory.evaluation.relevance import Found, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PIECE = 1000  # characters
CANDIDATES = 100
RANK_CONSTANT = 60
_BY_PYMUPDF = {".pdf", ".docx", ".html"}


def pieces_of(file: Path, name: str) -> Iterator[Found]:
    """The pieces of a file, page by page where it has pages."""
    for number, text in _pages(file):
        for piece in pack(text):
            yield Found(piece, (Place(name, number, number),))


def pack(text: str) -> Iterator[str]:
    """Paragraphs joined up to 1,000 characters; a longer one is cut."""
    piece = ""
    for paragraph in filter(None, map(str.strip, text.split("\n\n" if "\n\n" in text else "\n"))):
        if piece and len(piece) + len(paragraph) > PIECE:
            yield piece
            piece = ""
        piece = f"{piece}\n{paragraph}" if piece else paragraph
        while len(piece) > PIECE:
            yield piece[:PIECE]
            piece = piece[PIECE:]
    if piece:
        yield piece


class Peer:
    """The script's index of a folder: `dense`, `lexical` and `fused` rank pieces for a list of queries."""

    def __init__(self, docs: Path, model: Path) -> None:
        """Raises ModuleNotFoundError where bm25s is not installed."""
        import bm25s
        import faiss
        from sentence_transformers import SentenceTransformer

        files = sorted(path for path in docs.rglob("*") if path.is_file())
        self._pieces = [piece for file in files for piece in pieces_of(file, file.relative_to(docs).as_posix())]
        texts = [piece.text for piece in self._pieces]
        self._model: Any = SentenceTransformer(str(model), device="cpu", local_files_only=True)
        vectors = self._model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        self._flat: Any = faiss.IndexFlatIP(vectors.shape[1])
        self._flat.add(vectors)
        self._words: Any = bm25s.BM25()
        self._words.index(_tokens(texts), show_progress=False)
        self._k = min(CANDIDATES, len(texts))

    def dense(self, queries: Sequence[str]) -> list[list[int]]:
        """Numbers of pieces, best first, for each query."""
        vectors = self._model.encode(list(queries), normalize_embeddings=True, show_progress_bar=False)
        return [list(map(int, row)) for row in self._flat.search(vectors, self._k)[1]]

    def lexical(self, queries: Sequence[str]) -> list[list[int]]:
        """Numbers of pieces with a word of the query, best first, for each query."""
        rows, scores = self._words.retrieve(_tokens(list(queries)), k=self._k, show_progress=False)
        return [
            [int(row) for row, score in zip(*found, strict=True) if score > 0]
            for found in zip(rows, scores, strict=True)
        ]

    def fused(self, queries: Sequence[str]) -> list[list[int]]:
        """Both, fused by reciprocal rank with equal weight."""
        both = zip(self.dense(queries), self.lexical(queries), strict=True)
        return [_fuse(rankings) for rankings in both]

    def found(self, ranking: Sequence[int]) -> list[Found]:
        """The first pieces of a ranking."""
        return [self._pieces[number] for number in ranking[:DEPTH]]


def _pages(file: Path) -> Iterator[tuple[int | None, str]]:
    if file.suffix not in _BY_PYMUPDF:
        yield None, file.read_text(encoding="utf-8", errors="replace")
        return
    import pymupdf

    with pymupdf.open(file) as document:
        for number, page in enumerate(document, start=1):
            yield number if file.suffix == ".pdf" else None, page.get_text()


def _tokens(texts: list[str]) -> Any:
    import bm25s

    return bm25s.tokenize(texts, stopwords=None, show_progress=False)


def _fuse(rankings: Sequence[list[int]]) -> list[int]:
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, number in enumerate(ranking, start=1):
            scores[number] = scores.get(number, 0.0) + 1 / (RANK_CONSTANT + rank)
    return sorted(scores, key=lambda number: -scores[number])
