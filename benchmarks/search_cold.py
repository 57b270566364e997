"""A search as a process of its own: ours, and the script that one would write without it."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

QUERY = "what is the value of the buildings of Brem Holding in 2023"
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
_COMPANIES = ("Brem", "Zonneveld", "Kade", "Linden", "Molen", "Haven", "Duin", "Veste")
_WORDS = 120  # of a chunk
_REST_S = 2.1  # a file that changed a moment ago is hashed each time it is opened
_SHOWN_S = 0.02
_IMPORT = re.compile(r"import time:\s+\d+ \|\s+(\d+) \| ?(\S+)$")  # one that no other import led to


@dataclass(frozen=True, slots=True)
class Cold:
    """Whole processes, the best of some; and where the seconds of a search by words and meaning go."""

    text: Took
    hybrid: Took
    script: Took
    parts: dict[str, float]


@dataclass(frozen=True, slots=True, order=True)
class Took:
    """Seconds on the clock, and those that processors worked."""

    seconds: float
    cpu_s: float


def measure_cold(folder: Path, chunks: int, document: int, runs: int) -> Cold:
    """Build an index of `chunks` chunks in documents of `document` each, and search it with a new process each time."""
    home = folder / "home"
    model = resolve(ALL_MINILM_L6_V2.name, home / "models")
    vectors, texts = _build(home, model, chunks, document)
    index = import_faiss().IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    import_faiss().write_index(index, str(folder / "vectors.faiss"))
    (folder / "texts.json").write_bytes(orjson.dumps(texts))
    time.sleep(_REST_S)
    ours = ["-m", "ragfactory", "search", QUERY, "--json", "--no-rerank", "--home", str(home)]
    environment = os.environ | {"RAGFACTORY_CONFIG": str(folder)}

    def best(*arguments: str) -> Took:
        def once() -> Took:
            started, worked = time.perf_counter(), _children_s()
            subprocess.run([sys.executable, *arguments], env=environment, check=True, capture_output=True)
            return Took(time.perf_counter() - started, _children_s() - worked)

        once()
        return min(once() for _ in range(runs))

    return Cold(
        text=best(*ours, "--mode", "text"),
        hybrid=best(*ours),
        script=best("-c", SCRIPT, str(folder), str(model.path), QUERY),
        parts=_parts(ours, environment),
    )


def _children_s() -> float:
    """Seconds of CPU that processes started here have taken."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _build(home: Path, model: ResolvedModel, count: int, document: int) -> tuple[Matrix, list[str]]:
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
    for start in range(0, count, document):
        own = texts[start : start + document]
        keys = [hashlib.sha256(text.encode()).digest() for text in own]
        builder.put_vectors(keys, vectors[start : start + len(own)])
        number = start // document
        path = f"{number % 50:02d}/brief_{2010 + number % 15}_{number:06d}.txt"
        builder.add(
            _document(path, number, len(own)),
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


def _document(path: str, number: int, chunks: int) -> DocumentRecord:
    """A document as ingest makes it: one company in five occurs in several documents, and one document in four names no year."""
    company = f"{_COMPANIES[number % 8]} {'Holding' if number % 5 == 0 else f'Bedrijf {number}'}"
    year = 2010 + number % 15
    about: dict[str, Any] = {"companies": [company, f"Adviesbureau {_COMPANIES[number % 7]}"], "domain": "finance"}
    return DocumentRecord(
        root=_ROOT, path=path, key="0" * 64, size=0, mtime_ns=0, recipe="0" * 64, document_type=_NAME.document_type,
        type_confidence=1.0, format="text", language="en", chunks=chunks, title=f"Letter to {company} on {year}",
        metadata=about | {"topics": ["buildings", "land"]} | ({"years": [year - 1, year]} if number % 4 else {}),
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
