"""The fingerprint: what changes it, what does not, and that pinned weights are held to their hash."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ragfactory.embedding.engine import open_embedder
from ragfactory.embedding.locate import resolve
from ragfactory.embedding.weights import fingerprint, weights_digest
from ragfactory.errors import ModelUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.embedding.catalog import ResolvedModel


def test_the_digest_of_the_weights_is_their_sha256(tiny_model: ResolvedModel) -> None:
    expected = hashlib.sha256((tiny_model.path / "model.safetensors").read_bytes()).hexdigest()
    assert weights_digest(tiny_model) == expected


def test_the_fingerprint_is_the_same_wherever_the_files_are(tiny_model: ResolvedModel, tmp_path: Path) -> None:
    moved = shutil.copytree(tiny_model.path, tmp_path / "elsewhere")
    assert fingerprint(replace(tiny_model, path=moved)) == fingerprint(tiny_model)


@pytest.mark.parametrize(
    "change", [{"pooling": "mean"}, {"max_tokens": 512}, {"query_prefix": "query: "}, {"passage_prefix": "passage: "}]
)
def test_the_fingerprint_follows_the_recipe(tiny_model: ResolvedModel, change: dict[str, object]) -> None:
    other = replace(tiny_model, spec=replace(tiny_model.spec, **change))
    assert fingerprint(other) != fingerprint(tiny_model)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_the_fingerprint_follows_the_files(tiny_model: ResolvedModel, name: str) -> None:
    before = fingerprint(tiny_model)
    with (tiny_model.path / name).open("ab") as file:
        file.write(b" ")
    assert fingerprint(tiny_model) != before


def test_a_hash_is_remembered_while_size_and_time_of_the_file_stand(tiny_model: ResolvedModel) -> None:
    before = weights_digest(tiny_model)
    weights = tiny_model.path / "model.safetensors"
    status = weights.stat()
    with weights.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x7f")
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert weights_digest(tiny_model) == before
    os.utime(weights)
    assert weights_digest(tiny_model) != before


def test_a_damaged_memory_of_hashes_is_made_again(tiny_model: ResolvedModel) -> None:
    before = weights_digest(tiny_model)
    tiny_model.hashes.write_bytes(b'{"cut of')
    assert weights_digest(tiny_model) == before
    assert list(json.loads(tiny_model.hashes.read_bytes()).values()) == [before]


def test_the_memory_of_hashes_leaves_no_temporary_file(tiny_model: ResolvedModel) -> None:
    weights_digest(tiny_model)
    assert {path.name for path in tiny_model.hashes.parent.iterdir()} == {"bge-m3", "weights.json"}


def test_one_flipped_byte_in_pinned_weights_is_refused(minilm_model: ResolvedModel, tmp_path: Path) -> None:
    folder = tmp_path / "all-minilm-l6-v2"
    shutil.copytree(minilm_model.path, folder)
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(50_000_000)
        byte = file.read(1)[0]
        file.seek(50_000_000)
        file.write(bytes([byte ^ 1]))
    model = resolve("all-minilm-l6-v2", tmp_path)
    assert model.path == folder
    for use in (fingerprint, open_embedder):
        with pytest.raises(ModelUnavailableError, match="expected weights with SHA-256 53aa5117") as caught:
            use(model)
        assert caught.value.path == str(folder)
