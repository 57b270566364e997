"""The encoders: NumPy for queries and torch for passages say the same, in every language, at every length."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragfactory.embedding.engine import open_embedder, open_query_embedder

if TYPE_CHECKING:
    from ragfactory.embedding.catalog import ResolvedModel
    from ragfactory.embedding.model import Embedder

TEXTS = [
    "Wat is de waarde van de gebouwen op 31 december 2023?",
    "Die Umsatzerlöse stiegen gegenüber dem Vorjahr um 4,2 % auf 1.577 T€.",
    "Le chiffre d'affaires de l'exercice s'élève à 1 577 000 euros.",
    "The board consists of five members, who are appointed for four years.",
    "",
    "?",
    "Ω 漢字 Привет \N{GRINNING FACE} XK-4471/b",
    "Het bestuur legt verantwoording af over het gevoerde beleid. " * 8,
    "Die Gesellschaft hat im Berichtsjahr Rückstellungen gebildet, insbesondere für Gewährleistungen. " * 60,
]


def test_both_are_those_of_sentence_transformers(minilm: Embedder, minilm_model: ResolvedModel) -> None:
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(minilm_model.path), device="cpu", local_files_only=True)
    texts = TEXTS[:-1]  # the last is cut off there
    expected = reference.encode(texts, show_progress_bar=False, normalize_embeddings=True)
    queries = open_query_embedder(minilm_model)
    np.testing.assert_allclose(minilm.encode(texts).vectors, expected, atol=1e-6)
    np.testing.assert_allclose([queries.encode_query(text) for text in texts], expected, atol=1e-6)


def test_queries_and_passages_agree_also_in_windows(minilm: Embedder, minilm_model: ResolvedModel) -> None:
    passages, queries = minilm.encode(TEXTS), open_query_embedder(minilm_model).encode(TEXTS)
    assert passages.windowed == queries.windowed == 1
    assert passages.tokens == queries.tokens
    np.testing.assert_allclose(queries.vectors, passages.vectors, atol=1e-6)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_both_agree_on_the_shape_of_bge_m3(tiny_model: ResolvedModel, pooling: str) -> None:
    model = replace(tiny_model, spec=replace(tiny_model.spec, pooling=pooling))
    texts = ["de waarde van het gebouw", "omzet", "kosten " * 300]
    expected = open_embedder(model).encode(texts).vectors
    np.testing.assert_allclose(open_query_embedder(model).encode(texts).vectors, expected, atol=1e-5)


def test_a_long_window_of_a_query_is_left_to_torch(tiny_model: ResolvedModel) -> None:
    text = "de omzet " * 2000
    expected = open_embedder(tiny_model).encode([text])
    assert expected.windowed == 0
    np.testing.assert_allclose(open_query_embedder(tiny_model).encode_query(text), expected.vectors[0], atol=1e-5)


def test_vectors_do_not_depend_on_how_much_goes_through_at_once(tiny_model: ResolvedModel) -> None:
    texts = [f"de waarde van het gebouw {'omzet ' * (n % 7)}" for n in range(30)]
    apart = open_embedder(tiny_model, batch_tokens=1).encode(texts)
    together = open_embedder(tiny_model).encode(texts)
    np.testing.assert_allclose(together.vectors, apart.vectors, atol=1e-5)
    assert together.tokens == apart.tokens


def test_a_query_is_embedded_without_torch(minilm_model: ResolvedModel) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from ragfactory.embedding.engine import open_query_embedder\n"
        "from ragfactory.embedding.locate import resolve\n"
        "open_query_embedder(resolve('all-minilm-l6-v2', Path(sys.argv[1]))).encode_query('omzet')\n"
        "print(*{'torch', 'transformers', 'sentence_transformers'} & set(sys.modules))"
    )
    folder = str(minilm_model.hashes.parent)
    done = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
