"""A search as a process of its own: ours, and the script that one would write without it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import orjson
from tokenizers import Tokenizer

from ragfactory.embedding.catalog import ALL_MINILM_L6_V2
from ragfactory.embedding.locate import resolve
from ragfactory.embedding.weights import fingerprint
from ragfactory.profiles import Index
from ragfactory.store.durable import make_private_dirs
from ragfactory.store.faiss_files import import_faiss
from ragfactory.store.layout import IndexName, IndexPaths
from ragfactory.store.publish import NewChunk, VersionBuilder
from ragfactory.store.records import ChunkRecord, DocumentRecord, EmbedderEntry, Place, RootEntry

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.embedding.catalog import ResolvedModel
    from ragfactory.store.vectors import Matrix

QUERY = "what is the value of the buildings"
SCRIPT = """
import sys
import faiss
import orjson
from sentence_transformers import SentenceTransformer

folder, model, query = sys.argv[1:]
texts = orjson.loads(open(folder + "/texts.json", "rb").read())
index = faiss.read_index(folder + "/vectors.faiss")
vector = SentenceTransformer(model, device="cpu").encode([query], normalize_embeddings=True)
scores, rows = index.search(vector, 5)
for score, row in zip(scores[0], rows[0]):
    print(score, texts[row])
"""

_NAME = IndexName("default", "default", "algemeen")
_ROOT = "/generated"
_DOCUMENT = 20  # chunks
_WORDS = 120  # of a chunk
_REST_S = 2.1  # a file that changed a moment ago is hashed each time it is opened
_SHOWN_S = 0.02
_IMPORT = re.compile(r"import time:\s+\d+ \|\s+(\d+) \| ?(\S+)$")  # one that no other import led to


@dataclass(frozen=True, slots=True)
class Cold:
    """Seconds of whole processes, the best of some; and where those of a search by words and meaning go."""

    text_s: float
    hybrid_s: float
    script_s: float
    parts: dict[str, float]


def measure_cold(folder: Path, chunks: int, runs: int) -> Cold:
    """Build an index of `chunks` chunks, and search it with a new process each time."""
    home = folder / "home"
    model = resolve(ALL_MINILM_L6_V2.name, home / "models")
    vectors, texts = _build(home, model, chunks)
    index = import_faiss().IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    import_faiss().write_index(index, str(folder / "vectors.faiss"))
    (folder / "texts.json").write_bytes(orjson.dumps(texts))
    time.sleep(_REST_S)
    ours = ["-m", "ragfactory", "search", QUERY, "--json", "--no-rerank", "--home", str(home)]
    environment = os.environ | {"RAGFACTORY_CONFIG": str(folder)}

    def best(*arguments: str) -> float:
        def once() -> float:
            started = time.perf_counter()
            subprocess.run([sys.executable, *arguments], env=environment, check=True, capture_output=True)
            return time.perf_counter() - started

        once()
        return min(once() for _ in range(runs))

    return Cold(
        text_s=best(*ours, "--mode", "text"),
        hybrid_s=best(*ours),
        script_s=best("-c", SCRIPT, str(folder), str(model.path), QUERY),
        parts=_parts(ours, environment),
    )


def _build(home: Path, model: ResolvedModel, count: int) -> tuple[Matrix, list[str]]:
    """Publish `count` chunks of random words, their vectors random too."""
    rng = np.random.default_rng(0)
    dimension = model.spec.dimension
    vectors = rng.standard_normal((count, dimension), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vocabulary = Tokenizer.from_file(str(model.path / "tokenizer.json")).get_vocab()
    words = sorted(word for word in vocabulary if word.isalpha() and len(word) > 3)
    texts = [" ".join(words[i] for i in row) for row in rng.integers(len(words), size=(count, _WORDS))]
    paths = IndexPaths.of(home / "indexes", _NAME)
    make_private_dirs(paths.root)
    embedder = EmbedderEntry(name=model.spec.name, fingerprint=fingerprint(model), dimension=dimension)
    builder = VersionBuilder(paths, _NAME, None, embedder, (), options=Index())
    for start in range(0, count, _DOCUMENT):
        own = texts[start : start + _DOCUMENT]
        keys = [hashlib.sha256(text.encode()).digest() for text in own]
        builder.put_vectors(keys, vectors[start : start + len(own)])
        path = f"{start:08d}.txt"
        builder.add(
            _document(path, len(own)),
            [
                NewChunk(_chunk(path, n, text), text, key, key)
                for n, (text, key) in enumerate(zip(own, keys, strict=True))
            ],
        )
    builder.publish({}, {_ROOT: RootEntry(path=_ROOT, whole=True, profile=_NAME.document_type)})
    return vectors, texts


def _chunk(path: str, n: int, text: str) -> ChunkRecord:
    place = Place(n=n, start=0, end=len(text))
    return ChunkRecord(root=_ROOT, path=path, place=place, text=text, context="", language="en", strategy="default")


def _document(path: str, chunks: int) -> DocumentRecord:
    return DocumentRecord(
        root=_ROOT, path=path, key="0" * 64, size=0, mtime_ns=0, recipe="generated", document_type=_NAME.document_type,
        type_confidence=1.0, format="text", language="en", chunks=chunks,
    )  # fmt: skip


def _parts(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """The imports of a search that take longest, and its stages as it tells them itself, in seconds."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command], env=environment, check=True, capture_output=True, text=True
    )
    found = [match for line in done.stderr.splitlines() if (match := _IMPORT.match(line))]
    imports = {f"import {match[2]}": int(match[1]) / 1e6 for match in found}
    stages = orjson.loads(done.stdout)["data"]["timings_ms"]
    slow = {name: seconds for name, seconds in imports.items() if seconds >= _SHOWN_S}
    return slow | {f"{name} (its imports included)": ms / 1000 for name, ms in stages.items() if name != "total"}
