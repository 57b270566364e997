"""`ragfactory model pull` as a command: what it says, and how it ends."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.cli.terminal import Terminal
from tests.context.llama.gguf_files import Dimensions, train_tokenizer, write_gguf
from tests.download.hub_server import COMMIT, HubServer, sha256
from tests.tiny_model import write_tiny_bge_m3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace

    Cli = Callable[..., Ended]

NAMES = ["config.json", "model.safetensors", "tokenizer.json"]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub with a small bge-m3, and a machine without one."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "no-cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "no-hf"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    (tmp_path / "bge").mkdir()
    write_tiny_bge_m3(tmp_path / "bge")
    with HubServer({"BAAI/bge-m3": {name: (tmp_path / "bge" / name).read_bytes() for name in NAMES}}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def test_a_model_is_pulled_listed_and_then_left_alone(cli: Cli, workplace: Workplace, hub: HubServer) -> None:
    path = str(workplace.config.models / "bge-m3")
    ended = cli("model", "pull", "bge-m3", "--json")
    data = ended.envelope["data"]
    assert (ended.status, data["fetched"], data["path"]) == (0, True, path)
    assert (data["name"], data["role"], data["source"], data["revision"]) == (
        "bge-m3",
        "embedder",
        f"{hub.url}/BAAI/bge-m3",
        COMMIT,
    )
    assert data["hashes"] == {name: sha256(hub.repos["BAAI/bge-m3"][name]) for name in NAMES}
    assert data["size"] == sum(map(len, hub.repos["BAAI/bge-m3"].values()))
    assert "pull: model.safetensors: " in ended.err
    again = cli("model", "pull", "bge-m3")
    assert again.out == f"bge-m3 is here already: {path}\n"
    listed = {model["name"]: model["path"] for model in cli("model", "list", "--json").envelope["data"]["models"]}
    assert listed["bge-m3"] == path
    assert "sha256" in cli("model", "pull", "bge-m3", "--force").out
    assert cli("model", "pull", "bge-m3", "--force", "--quiet").out == ""


def test_a_token_is_not_shown_to_another_hub(cli: Cli, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with HubServer(hub.repos) as mirror:
        ended = cli("model", "pull", "bge-m3", "--from", mirror.url)
        assert ended.status == 0
        assert {headers.get("Authorization") for _, headers in mirror.asked} == {None}
    ended = cli("model", "pull", "bge-m3", "--force", "--json")
    assert {headers.get("Authorization") for _, headers in hub.asked} == {"Bearer hf_secret"}
    assert "hf_secret" not in ended.out + ended.err


def test_a_second_gguf_is_to_be_named(cli: Cli, workplace: Workplace, hub: HubServer, tmp_path: Path) -> None:
    write_gguf(tmp_path / "x.gguf", Dimensions(vocabulary=300), train_tokenizer(["Say what it is about."], 300), ())
    hub.repos["acme/tiny"] = {name: (tmp_path / "x.gguf").read_bytes() for name in ("one.gguf", "two.gguf")}
    assert cli("model", "pull", "acme/tiny:one.gguf", "--json").envelope["warnings"] == []
    ended = cli("model", "pull", "acme/tiny:two.gguf")
    assert '[context] gguf = "two.gguf"' in ended.err
    assert sorted(path.name for path in workplace.config.models.iterdir()) == [
        ".pull",
        "hashes.json",
        "one.gguf",
        "two.gguf",
    ]


def test_a_hub_that_is_not_there_is_told_with_a_way_without_it(cli: Cli, hub: HubServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    ended = cli("model", "pull", "bge-m3", "--from", address, "--json")
    assert (ended.status, ended.error["code"]) == (7, "model_unavailable")
    assert "cannot be reached" in ended.error["message"]
    assert "by hand" in ended.error["hint"]
    assert f"{address}/BAAI/bge-m3" in ended.error["hint"]
    assert cli("model", "pull", "nothing", "--json").status == 2
    assert cli("model", "pull", f"{address}/x.gguf", "--from", address, "--json").status == 2
    assert cli("model", "pull", "bge-m3", "--from", "hub", "--json").error["code"] == "usage"


def test_a_model_that_is_missing_is_to_be_pulled(cli: Cli, workplace: Workplace, hub: HubServer) -> None:
    workplace.write("a.txt", "The roof was mended in May.")
    ended = cli("ingest", workplace.docs, "--embedder", "bge-m3", "--json")
    assert (ended.status, ended.error["code"]) == (7, "model_unavailable")
    assert "`ragfactory model pull bge-m3`" in ended.error["hint"]


def test_a_path_of_a_hub_does_not_steer_the_terminal(cli: Cli, hub: HubServer, tmp_path: Path) -> None:
    write_gguf(tmp_path / "x.gguf", Dimensions(vocabulary=300), train_tokenizer(["Say what it is about."], 300), ())
    hub.repos["acme/tiny"] = {"[/b]\x1b[31m/x.gguf": (tmp_path / "x.gguf").read_bytes()}
    terminal = Terminal("model", "pull", "acme/tiny")
    terminal.wait_for("[/b]\N{REPLACEMENT CHARACTER}[31m/x.gguf")
    terminal.wait_for("x.gguf is here")
    assert terminal.status() == 0


def sizes_of_parts(models: Path) -> Iterator[int]:
    """The bytes that came so far of each file on its way."""
    for part in models.rglob("*.part"):
        with suppress(FileNotFoundError):  # it is whole by now
            yield part.stat().st_size


def test_ctrl_c_on_a_terminal_ends_it_and_the_same_command_goes_on(
    cli: Cli, workplace: Workplace, hub: HubServer
) -> None:
    hub.holds = 50_000
    terminal = Terminal("model", "pull", "bge-m3")
    terminal.wait_for("model.safetensors")
    while not any(size >= 50_000 for size in sizes_of_parts(workplace.config.models)):
        terminal.wait_for("kB")  # the bar is drawn again and again
    terminal.type("\x03")
    terminal.wait_for("run it again")
    assert terminal.status() == 130
    hub.holds = None
    assert cli("model", "pull", "bge-m3").status == 0
    assert hub.ranges_asked == ["bytes=50000-"]
