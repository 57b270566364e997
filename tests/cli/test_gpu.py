"""`ragfactory gpu` over a simulated box: what people see at 80 and 140 columns, what scripts read, and what is cleared away.

The golden files hold what people see. After a wanted change, `REWRITE=1 pytest tests/cli/test_gpu.py` writes them anew: read them.
"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pynvml
import pytest

from ragfactory.cli.main import NAME
from ragfactory.fleet.leases import Lease, machine_wide
from ragfactory.fleet.marks import mark, marked_process
from ragfactory.fleet.model import Device
from tests.context.llama.gguf_files import write_unloadable_gguf
from tests.context.llama.tiny_gguf import shared_tiny_gguf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import Ended
    from tests.fleet.nvml.simulated_box import SimulatedBox

    Cli = Callable[..., Ended]

GOLDEN = Path(__file__).parent / "golden"
RUN = "20250101T020000Z-abc123"
PATIENCE_S = 60.0  # a test that waits this long has failed
SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"


@pytest.fixture(autouse=True)
def box(cli: Cli, simulated_box: SimulatedBox, own_mark: str) -> SimulatedBox:
    return simulated_box


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """A process with the mark of a worker of ours."""
    process = subprocess.Popen([sys.executable, "-c", SLEEPER], env={**os.environ, **mark(RUN)}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def lease(box: SimulatedBox, index: int) -> Lease:
    taken = Lease.take(machine_wide(), Device(f"gpu{index}", box.card(index).uuid), RUN)
    assert taken is not None
    return taken


def masked(text: str, *pids: int) -> str:
    """Text with ids of real processes made the same. Their column is as wide as its head or the longest id, both 7."""
    text = text.replace(f"(pid {os.getpid()})", "(pid 1000)")
    for n, pid in enumerate(pids, start=1001):
        text = text.replace(f"{pid:>7}", f"{n:>7}")
    return text


def check_golden(name: str, text: str) -> None:
    file = GOLDEN / f"{name}.txt"
    if "REWRITE" in os.environ:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


# What people see.


def healthy(box: SimulatedBox) -> None:
    """Eight cards at rest."""


def one_lost(box: SimulatedBox) -> None:
    box.card(5).lose()


def no_card(box: SimulatedBox) -> None:
    box.resize(0)


def broken_driver(box: SimulatedBox) -> None:
    box.fail("nvmlInitWithFlags", pynvml.NVML_ERROR_DRIVER_NOT_LOADED)


def hot(box: SimulatedBox) -> None:
    for index, degrees in enumerate((60, 74, 75, 83, 92)):
        card = box.card(index)
        card.temperature, card.power, card.utilization, card.fan = degrees, 199.6, 100, 100


def mixed(box: SimulatedBox) -> None:
    """Another kind of card, one that tells little, and other people's programs."""
    box.name_process(2042, "/opt/google/chrome/chrome --type=gpu-process")
    box.name_process(2043, "/usr/bin/a-program-with-a-name-that-does-not-end\x1b[31m")
    box.resize(3)
    big, silent = box.card(1), box.card(2)
    big.name, big.total_mb, big.power, big.power_limit, big.limit = "NVIDIA H100 80GB HBM3", 81559, 650.0, 700.0, 90
    big.add_process(2043, 79000)
    big.add_process(2042, 12, kind="graphics")
    silent.name = "Tesla [red]K80\x1b[2J"
    silent.temperature = silent.utilization = silent.power = silent.fan = None
    box.card(0).limit = None
    box.card(0).add_process(2042, None, kind="graphics")


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("scene", [healthy, one_lost, no_card, broken_driver, hot, mixed])
def test_status(
    scene: Callable[[SimulatedBox], None], width: int, cli: Cli, box: SimulatedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene(box)
    monkeypatch.setenv("COLUMNS", str(width))
    ended = cli("gpu", "status")
    assert (ended.status, ended.err) == (0, "")
    assert max(map(len, ended.out.splitlines())) <= width
    check_golden(f"gpu-status-{scene.__name__}-{width}", ended.out)


@pytest.mark.parametrize("width", [80, 140])
def test_status_of_cards_that_runs_have(
    width: int, cli: Cli, box: SimulatedBox, worker: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for index in (0, 1, 4):
        box.name_process(worker.pid, "/usr/bin/python3 -m ragfactory")
        box.card(index).add_process(worker.pid, 2100)
    with lease(box, 0) as working, lease(box, 1), lease(box, 2) as unseen, lease(box, 3) as benched:
        working.note("embed", "klanten/2024/jaarrekening [bold]2024\u202e.pdf")
        unseen.note("write", "a.md")
        benched.note(None, benched="three workers died on it")
        shown = masked(cli("gpu", "status").out, worker.pid)
    check_golden(f"gpu-status-ours-{width}", shown)


def test_status_without_a_driver(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMULATED_NVML")
    ended = cli("gpu", "status")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == "there is no NVIDIA driver on this machine; work is done on the CPU\n"


def test_status_goes_on_until_ctrl_c(box: SimulatedBox) -> None:
    ours, theirs = pty.openpty()
    words = [str(Path(sys.executable).with_name(NAME)), "gpu", "status", "--watch"]
    watching = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    read_until(ours, b"35/93")
    box.card(2).temperature = 61
    read_until(ours, b"61/93")
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=PATIENCE_S)
    os.close(ours)
    assert (watching.returncode, said) == (0, b"")


def read_until(terminal: int, words: bytes) -> None:
    seen, end = b"", time.monotonic() + PATIENCE_S
    while words not in seen:
        assert time.monotonic() < end
        seen += os.read(terminal, 65536)


@pytest.mark.parametrize("words", [["--watch"], ["--watch", "--json"]])
def test_watching_needs_a_terminal(words: list[str], cli: Cli) -> None:
    assert cli("gpu", "status", *words).status == 2


@pytest.mark.parametrize("width", [80, 140])
def test_plan(width: int, cli: Cli, box: SimulatedBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    box.card(0).temperature = 80
    box.card(1).used_mb = 5000
    box.card(2).lose()
    box.card(4).temperature = 50
    with lease(box, 3):
        ended = cli("gpu", "plan", "--devices", "0-5")
    assert (ended.status, ended.err) == (0, "")
    check_golden(f"gpu-plan-{width}", masked(ended.out))


def test_plan_without_a_card(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMULATED_NVML")
    check_golden("gpu-plan-without-a-card", cli("gpu", "plan").out)


# What scripts read.


def test_json_of_status(cli: Cli, box: SimulatedBox, worker: subprocess.Popen[bytes]) -> None:
    box.card(2).lose()
    box.card(0).add_process(worker.pid, 2100)
    with lease(box, 0) as working:
        working.note("embed", "a.pdf")
        data = cli("gpu", "status", "--json").envelope["data"]
    assert (data["driver"], data["cuda"], data["problem"], data["gpu_count"]) == ("550.54.14", "12.4", None, 8)
    assert data["current_task"] == f"run {RUN} (pid {os.getpid()}): embed, a.pdf"
    assert data["gpus"][0] == {
        "index": 0, "uuid": box.card(0).uuid, "name": "NVIDIA GeForce RTX 3060 Ti",
        "total_mb": 8192, "used_mb": 2101, "free_mb": 6091, "temperature_c": 35, "limit_c": 93, "utilization_pct": 0,
        "power_w": 12.0, "power_limit_w": 200.0, "fan_pct": 0, "problem": None, "state": "working",
        "reason": f"working for run {RUN} (pid {os.getpid()}): embed, a.pdf",
        "processes": [
            {
                "pid": worker.pid, "name": data["gpus"][0]["processes"][0]["name"], "used_mb": 2100,
                "work": f"embed, a.pdf (run {RUN})",
            }
        ],
    }  # fmt: skip
    assert [card["state"] for card in data["gpus"]] == ["working", "idle", "lost", *["idle"] * 5]
    assert (data["gpus"][2]["uuid"], data["gpus"][2]["problem"]) == (None, "lost: it fell off the bus")


def test_json_of_status_without_a_driver(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMULATED_NVML")
    assert cli("gpu", "status", "--json").envelope["data"] == {
        "driver": None,
        "cuda": None,
        "problem": "there is no NVIDIA driver on this machine",
        "gpu_count": 0,
        "gpus": [],
        "current_task": None,
    }


def test_json_of_plan(cli: Cli, box: SimulatedBox) -> None:
    box.card(0).temperature = 80
    data = cli("gpu", "plan", "--devices", "0,1", "--json").envelope["data"]
    assert (data["devices"], data["problem"]) == ("0,1", None)
    assert [(role["role"], role["needed_mb"]) for role in data["roles"]] == [
        ("embed", 2048),
        ("rerank", 2560),
        ("write", 6144),
    ]
    for role in data["roles"]:
        assert [(entry["device"], entry["eligible"]) for entry in role["devices"][:1]] == [("gpu1", True)]
        assert role["devices"][-1]["uuid"] is None


def test_a_plan_says_how_a_language_model_would_run(
    cli: Cli, box: SimulatedBox, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    models = tmp_path / "home" / "models"
    models.mkdir(parents=True)
    (models / "tiny.gguf").symlink_to(shared_tiny_gguf(tmp_path_factory))
    box.card(0).used_mb = 7600
    role = cli("gpu", "plan", "--json").envelope["data"]["roles"][-1]
    assert (role["role"], role["model"]) == ("write", "tiny.gguf")
    plans = {entry["device"]: entry["plan"] for entry in role["devices"]}
    assert plans["gpu0"] is plans["cpu"] is None
    assert (plans["gpu1"]["width"], plans["gpu1"]["kv"]) == (16, "f16")
    assert "16 chunks at a time" in cli("gpu", "plan").out


@pytest.mark.parametrize(
    ("damaged", "reason"), [(True, "cut off: its tensors"), (False, "at the least, 0 MiB are free")]
)
def test_a_language_model_that_cannot_run_leaves_the_rest_of_the_plan(
    damaged: bool, reason: str, cli: Cli, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = shared_tiny_gguf(tmp_path_factory).read_bytes()
    models = tmp_path / "home" / "models"
    models.mkdir(parents=True)
    (models / "tiny.gguf").write_bytes(whole[: len(whole) // 2] if damaged else whole)
    if not damaged:
        (tmp_path / "config" / "config.toml").write_text("[fleet]\nkeep_free_mb = 9000000\n")
    embed, _, write = cli("gpu", "plan", "--devices", "cpu", "--json").envelope["data"]["roles"]
    device = next(entry for entry in write["devices"] if entry["device"] == "cpu")
    assert (device["eligible"], device["plan"]) == (False, None)
    assert any(entry["eligible"] for entry in embed["devices"])
    assert reason in device["reason"]
    assert device["reason"].endswith(")") or not damaged, "what to do stands behind it"
    assert reason in " ".join(cli("gpu", "plan", "--devices", "cpu").out.split())


@pytest.mark.parametrize(
    ("how", "said"),
    [("cut", "cut off: its tensors take the file to"), ("strange", "unknown model architecture: 'mystery'")],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_language_model_that_is_asked_for_and_cannot_be_loaded_ends_with_7(
    how: str, said: str, named: bool, cli: Cli, tmp_path: Path
) -> None:
    models = tmp_path / "home" / "models"
    models.mkdir(parents=True)
    path = write_unloadable_gguf(models / "model.gguf", how)
    if named:
        (tmp_path / "config" / "config.toml").write_text('[context]\ngguf = "model.gguf"\n')
    ended = cli("gpu", "plan", *([] if named else ["--context", "llama"]), "--json")
    assert (ended.status, ended.error["code"], ended.error["path"]) == (7, "model_unavailable", str(path))
    assert said in ended.error["message"]
    assert "llama_model_load" not in ended.error["message"], "not llama.cpp's log"


def test_a_plan_is_that_of_the_writer_that_is_asked_for(
    cli: Cli, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = tmp_path / "config" / "config.toml"

    def written(*options: str) -> dict[str, Any]:
        return cli("gpu", "plan", *options, "--json").envelope["data"]["roles"][-1]

    assert written("--context", "structural")["devices"] == written("--context", "none")["devices"] == []
    assert "no language model" in cli("gpu", "plan", "--context", "none").out
    assert cli("gpu", "plan", "--context", "llama", "--json").status == 7
    assert cli("gpu", "plan", "--context", "http", "--json").error["code"] == "config"
    config.write_text('[context]\nservers = ["http://a:1", "http://b:2/v1"]\nmodel = "tiny"\n')
    by_servers = written("--context", "http")
    assert (by_servers["model"], by_servers["servers"], by_servers["devices"]) == (
        "tiny",
        ["http://a:1", "http://b:2"],
        [],
    )
    assert "http://b:2\n" in cli("gpu", "plan", "--context", "http").out
    assert "--context llama" in written()["note"]
    assert "with --context http, the servers write" in written()["note"]
    models = tmp_path / "home" / "models"
    models.mkdir(parents=True)
    (models / "tiny.gguf").symlink_to(shared_tiny_gguf(tmp_path_factory))
    by_model = written("--context", "llama")
    assert (by_model["model"], by_model["note"], by_model["servers"]) == ("tiny.gguf", None, [])
    assert by_model["devices"][0]["plan"]


def test_a_preference_for_a_card_that_is_not_there_is_told(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "config" / "config.toml").write_text("[fleet]\nprefer = { embed = [99] }\n")
    (warning,) = cli("gpu", "plan", "--json").envelope["warnings"]
    assert "fleet.prefer names cards that this machine does not have (embed = [99]; it has 0, 1, 2, 3" in warning


def test_plan_takes_the_devices_of_the_configuration(cli: Cli, box: SimulatedBox, tmp_path: Path) -> None:
    (tmp_path / "config" / "config.toml").write_text('[fleet]\ndevices = "2"\nprefer = { write = [2] }\n')
    roles = cli("gpu", "plan", "--json").envelope["data"]["roles"]
    eligible = [[entry["device"] for entry in role["devices"] if entry["eligible"]] for role in roles]
    assert eligible == [["gpu2"]] * 3


@pytest.mark.parametrize(("devices", "status", "code"), [("7-8", 7, "no_device"), ("many", 2, "usage")])
def test_devices_that_cannot_be(devices: str, status: int, code: str, cli: Cli) -> None:
    ended = cli("gpu", "plan", "--devices", devices, "--json")
    assert (ended.status, ended.error["code"]) == (status, code)


# Clearing away.


def test_nothing_to_clear_away(cli: Cli, box: SimulatedBox) -> None:
    with lease(box, 0):
        assert cli("gpu", "cleanup").out == "nothing to clear away\n"
        assert lease_files() == 1


def test_what_a_dead_run_left_is_cleared_away(cli: Cli, box: SimulatedBox, worker: subprocess.Popen[bytes]) -> None:
    dead = lease(box, 3)
    (file,) = machine_wide().iterdir()
    content = file.read_bytes()
    dead.release()
    file.write_bytes(content)
    with lease(box, 0):
        data = cli("gpu", "cleanup", "--json").envelope["data"]
    assert data == {"workers": [], "leases": [box.card(3).uuid], "models": []}
    assert worker.poll() is None, "its run is this process"


def test_a_worker_whose_run_died_is_ended(cli: Cli, own_mark: str) -> None:
    environment = {**os.environ, own_mark: f"{RUN}:{2**22 - 1}"}
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env=environment)
    await_mark(worker.pid)
    assert f"ended worker {worker.pid} of run {RUN}\n" in cli("gpu", "cleanup").out
    assert worker.wait(PATIENCE_S) == -signal.SIGTERM


def test_an_ollama_server_that_is_not_there_is_a_note(cli: Cli) -> None:
    ended = cli("gpu", "cleanup", "--ollama-url", "http://127.0.0.1:1")
    assert ended.status == 0
    assert ended.err.startswith("note: http://127.0.0.1:1: no Ollama server answers")


def test_an_address_that_makes_no_sense(cli: Cli) -> None:
    assert cli("gpu", "cleanup", "--ollama-url", "localhost").status == 2


def await_mark(pid: int) -> None:
    """Wait until a process that is being started has become the program that it is to be."""
    end = time.monotonic() + PATIENCE_S
    while marked_process(pid) is None:
        assert time.monotonic() < end
        time.sleep(0.01)


def lease_files() -> int:
    return len(list(machine_wide().iterdir()))
