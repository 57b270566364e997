"""The embedder on sentence-transformers: its vectors, long texts, order, and models that are not what they should be."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragfactory.embedding.engine import open_embedder
from ragfactory.embedding.tokenizer import Tokenizer
from ragfactory.embedding.weights import fingerprint
from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ragfactory.embedding.catalog import ResolvedModel
    from ragfactory.embedding.model import Embedder

TEXTS = [
    "De waarde van de gebouwen bedroeg 1,2 miljoen euro.",
    "Revenue rose by ten percent.",
    "",
    "Ja",
    "Het bestuur bestaat uit vijf leden, die voor een termijn van vier jaar worden benoemd. " * 4,
]


def test_vectors_are_float32_of_unit_length_one_a_text(minilm: Embedder) -> None:
    encoded = minilm.encode(TEXTS)
    assert encoded.vectors.shape == (len(TEXTS), minilm.dimension) == (len(TEXTS), 384)
    assert encoded.vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(encoded.vectors, axis=1), 1, atol=1e-6)
    assert encoded.windowed == 0


def test_vectors_are_those_of_sentence_transformers(minilm: Embedder, minilm_model: ResolvedModel) -> None:
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(minilm_model.path), device="cpu", local_files_only=True)
    expected = reference.encode(TEXTS, show_progress_bar=False, normalize_embeddings=True)
    np.testing.assert_allclose(minilm.encode(TEXTS).vectors, expected, atol=1e-5)


def test_tokens_count_special_tokens_and_no_padding(minilm: Embedder) -> None:
    assert minilm.encode(["house", "house house house"]).tokens == (1 + 2) + (3 + 2)


def test_the_nearest_passage_is_the_one_on_the_subject(minilm: Embedder) -> None:
    passages = [
        "De gebouwen zijn gewaardeerd op 4,1 miljoen euro.",
        "Het personeel kreeg een cursus over communicatie.",
        "De vergadering wordt volgende week gehouden in Utrecht.",
    ]
    vectors = minilm.encode(passages).vectors
    for question, answer in [("Wat is de waarde van de gebouwen?", 0), ("Welke cursus kreeg het personeel?", 1)]:
        assert int(np.argmax(vectors @ minilm.encode_query(question))) == answer


def test_a_query_is_one_vector_as_a_passage_is_where_a_model_has_no_prefixes(minilm: Embedder) -> None:
    query = minilm.encode_query("Revenue rose")
    assert query.shape == (384,)
    np.testing.assert_allclose(query, minilm.encode(["Revenue rose"]).vectors[0], atol=1e-6)


def test_no_texts_give_no_rows(minilm: Embedder) -> None:
    encoded = minilm.encode([])
    assert encoded.vectors.shape == (0, 384)
    assert (encoded.tokens, encoded.windowed) == (0, 0)


def test_a_long_text_is_the_weighted_mean_of_its_windows(minilm: Embedder) -> None:
    words = ["house", "river", "profit"]
    text = " ".join(word for word in words for _ in range(201))  # 603 tokens: 3 windows of 201 and 2 special tokens
    parts = minilm.encode([" ".join([word] * 201) for word in words])
    encoded = minilm.encode([text, "short"])
    assert encoded.windowed == 1
    assert encoded.tokens == 3 * 203 + 3
    mean = parts.vectors.mean(axis=0)
    np.testing.assert_allclose(encoded.vectors[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_windows_of_unlike_length_count_by_their_tokens(minilm: Embedder) -> None:
    text = " ".join(["house"] * 170 + ["river"] * 170 + ["profit"] * 169)  # 509 tokens: 170, 170, 169
    parts = minilm.encode([" ".join(["house"] * 170), " ".join(["river"] * 170), " ".join(["profit"] * 169)])
    mean = np.array([172, 172, 171], dtype=np.float32) @ parts.vectors
    encoded = minilm.encode([text])
    assert encoded.tokens == 172 + 172 + 171
    np.testing.assert_allclose(encoded.vectors[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_the_end_of_a_long_text_counts(minilm: Embedder) -> None:
    start = "house " * 600
    assert not np.allclose(minilm.encode([start + "profit " * 300]).vectors, minilm.encode([start]).vectors, atol=1e-3)


def test_order_and_vectors_do_not_depend_on_the_batch(minilm: Embedder) -> None:
    texts = [f"Factuur {i}: " + "bedrag " * (i * 7 % 40) for i in range(24)]
    together = minilm.encode(texts).vectors
    apart = np.concatenate([minilm.encode([text]).vectors for text in texts])
    np.testing.assert_allclose(together, apart, atol=1e-5)


def test_the_embedder_says_what_it_is(minilm: Embedder, minilm_model: ResolvedModel) -> None:
    assert (minilm.name, minilm.dimension, minilm.max_tokens) == ("all-minilm-l6-v2", 384, 256)
    assert minilm.fingerprint == fingerprint(minilm_model)


def test_prefixes_stand_before_queries_and_passages(tiny_model: ResolvedModel) -> None:
    plain = open_embedder(tiny_model)
    spec = replace(tiny_model.spec, query_prefix="de waarde ", passage_prefix="van het ")
    prefixed = open_embedder(replace(tiny_model, spec=spec))
    np.testing.assert_allclose(prefixed.encode_query("gebouw"), plain.encode_query("de waarde gebouw"), atol=1e-6)
    np.testing.assert_allclose(prefixed.encode(["gebouw"]).vectors, plain.encode(["van het gebouw"]).vectors, atol=1e-6)


def test_a_model_of_bge_m3s_shape_is_pooled_at_its_first_token(tiny_model: ResolvedModel) -> None:
    import torch
    from transformers import XLMRobertaModel

    texts = ["de waarde van het gebouw", "omzet"]
    network = XLMRobertaModel.from_pretrained(tiny_model.path, add_pooling_layer=False).eval()
    expected = []
    for [ids] in Tokenizer(tiny_model.path / "tokenizer.json").windows(texts, 8192):
        with torch.inference_mode():
            first = network(torch.tensor([ids])).last_hidden_state[0, 0].numpy()
        expected.append(first / np.linalg.norm(first))
    encoded = open_embedder(tiny_model).encode(texts)
    assert encoded.vectors.shape == (2, 1024)
    np.testing.assert_allclose(encoded.vectors, expected, atol=1e-5)


def test_the_window_can_be_set_smaller(tiny_model: ResolvedModel) -> None:
    small = open_embedder(replace(tiny_model, spec=replace(tiny_model.spec, max_tokens=16)))
    assert small.encode(["de waarde " * 20]).windowed == 1


def test_weights_that_give_no_finite_vector_are_refused(tiny_model: ResolvedModel) -> None:
    _edit_weights(tiny_model.path, lambda tensors: tensors["embeddings.LayerNorm.weight"].fill_(float("nan")))
    embedder = open_embedder(tiny_model)
    with pytest.raises(ModelUnavailableError, match="not finite"):
        embedder.encode(["omzet"])


def test_weights_that_lack_a_tensor_are_refused(tiny_model: ResolvedModel) -> None:
    _edit_weights(tiny_model.path, lambda tensors: tensors.pop("encoder.layer.0.output.dense.weight"))
    with pytest.raises(ModelUnavailableError, match=r"lack 1 tensors, encoder\.layer\.0\.output\.dense\.weight"):
        open_embedder(tiny_model)


def test_a_cut_off_weights_file_is_refused(tiny_model: ResolvedModel) -> None:
    weights = tiny_model.path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    with pytest.raises(ModelUnavailableError, match="cannot be loaded") as caught:
        open_embedder(tiny_model)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"hidden_size": 768}, "expected 1024 dimensions, got 768"),
        ({"max_position_embeddings": 514}, "expected a window of 8192 tokens, got 514"),
        ({"intermediate_size": 32}, "cannot be loaded"),
        ({"model_type": "no-such-type"}, "cannot be loaded"),
    ],
)
def test_a_model_of_another_shape_is_refused(
    tiny_model: ResolvedModel, change: dict[str, object], complaint: str
) -> None:
    file = tiny_model.path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ModelUnavailableError, match=complaint):
        open_embedder(tiny_model)


def test_a_device_that_is_not_there_is_named(tiny_model: ResolvedModel) -> None:
    with pytest.raises(ModelUnavailableError, match="cannot be put on the device cuda:99"):
        open_embedder(tiny_model, device="cuda:99")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_damaged_settings_file_is_refused(tiny_model: ResolvedModel, name: str) -> None:
    (tiny_model.path / name).write_text("{")
    with pytest.raises(ModelUnavailableError, match=name):
        open_embedder(tiny_model)


def _edit_weights(folder: Path, edit: Callable[[dict], object]) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    edit(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
