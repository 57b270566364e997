"""The reranker: it tells overlap as it was trained to, scores as CrossEncoder does, and refuses weights that are none."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from ragfactory.embedding.catalog import ResolvedModel
from ragfactory.embedding.locate import resolve_reranker
from ragfactory.embedding.reranker import Reranker, open_reranker
from ragfactory.errors import ModelUnavailableError
from tests.tiny_reranker import SPEC

if TYPE_CHECKING:
    from pathlib import Path

PASSAGES = [
    "the part will fit the roof when broken",
    "order other soup",
    "the pump will fit",
    "winter",
    "",
    "broken pump when the hotel will order the other part " * 3,
]


@pytest.fixture
def model(tiny_reranker: Path, tmp_path: Path) -> ResolvedModel:
    """The trained model, in a folder of the test's own."""
    folder = shutil.copytree(tiny_reranker, tmp_path / "reranker")
    return ResolvedModel(SPEC, folder, "", tmp_path / "weights.json")


@pytest.fixture(scope="module")
def reranker(tiny_reranker: Path) -> Reranker:
    return open_reranker(ResolvedModel(SPEC, tiny_reranker, "", tiny_reranker / "weights.json"), precision="float32")


def test_passages_that_hold_the_word_come_first(reranker: Reranker) -> None:
    for word in ("pump", "roof", "winter"):
        scores = reranker.score(word, PASSAGES[:4])
        assert scores.dtype == np.float32
        assert PASSAGES[int(np.argmax(scores))].find(word) >= 0
        assert ((scores >= 0) & (scores <= 1)).all()


def test_scores_are_those_of_cross_encoder(reranker: Reranker, tiny_reranker: Path) -> None:
    from sentence_transformers import CrossEncoder

    reference = CrossEncoder(str(tiny_reranker), device="cpu", local_files_only=True)
    expected = reference.predict([("pump", passage) for passage in PASSAGES], show_progress_bar=False)
    np.testing.assert_allclose(reranker.score("pump", PASSAGES), expected, atol=1e-5)


def test_half_the_precision_gives_scores_within_the_tolerance_that_is_told(
    reranker: Reranker, model: ResolvedModel
) -> None:
    half = open_reranker(model, precision="bfloat16").score("pump", PASSAGES)
    np.testing.assert_allclose(half, reranker.score("pump", PASSAGES), atol=0.02)


def test_a_score_does_not_depend_on_the_other_passages(reranker: Reranker) -> None:
    apart = [float(reranker.score("pump", [passage])[0]) for passage in PASSAGES]
    np.testing.assert_allclose(reranker.score("pump", PASSAGES), apart, atol=1e-5)
    assert reranker.score("pump", []).shape == (0,)


def test_what_does_not_fit_loses_its_end(reranker: Reranker) -> None:
    long = "when the " * 200
    np.testing.assert_allclose(*(reranker.score("pump", [long + end]) for end in ("", "pump " * 50)), atol=1e-6)
    assert reranker.score("pump " * 1000, ["pump", long]).shape == (2,)


def test_weights_without_a_head_are_refused(model: ResolvedModel) -> None:
    tensors = load_file(model.path / "model.safetensors")
    tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith("classifier.")}
    save_file(tensors, model.path / "model.safetensors")
    with pytest.raises(ModelUnavailableError, match=r"lack 4 tensors, classifier\.dense\.weight"):
        open_reranker(model)


def test_a_score_that_is_not_finite_is_refused(model: ResolvedModel) -> None:
    tensors = load_file(model.path / "model.safetensors")
    tensors["classifier.out_proj.bias"].fill_(float("nan"))
    save_file(tensors, model.path / "model.safetensors")
    with pytest.raises(ModelUnavailableError, match="not finite"):
        open_reranker(model).score("pump", ["pump"])


def test_an_absent_one_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(
        ModelUnavailableError, match=r"the reranker bge-reranker-v2-m3 is not on this machine"
    ) as caught:
        resolve_reranker(tmp_path)
    assert str(tmp_path / "bge-reranker-v2-m3") in (caught.value.hint or "")
