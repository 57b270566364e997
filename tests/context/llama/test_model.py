"""What a GGUF says of itself, and what a user is told of one that cannot be used."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from ragfactory.context.llama import library
from ragfactory.context.llama.engine import LlamaEngine
from ragfactory.context.llama.model import LlamaModel, read_shape
from ragfactory.context.llama.planning import ModelShape, Wish
from ragfactory.errors import DeviceUnavailableError, ExitCode, MissingExtraError, ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_the_shape_of_a_model(tiny_gguf: Path) -> None:
    assert read_shape(tiny_gguf) == ModelShape(
        architecture="llama",
        file_bytes=tiny_gguf.stat().st_size,
        layers=2,
        embedding=128,
        heads=4,
        kv_heads=2,
        key=32,
        value=32,
        window=2048,
        vocabulary=512,
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="there is no model file") as caught:
        LlamaModel.open(tmp_path / "absent.gguf", "cpu")
    assert caught.value.exit_code == ExitCode.UNAVAILABLE


@pytest.mark.parametrize("kept", [0, 3, 100, 5000, -4096])
def test_a_file_that_is_cut_off(tiny_gguf: Path, tmp_path: Path, kept: int, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(tiny_gguf.read_bytes()[:kept])
    with pytest.raises(ModelUnavailableError, match=r"cut\.gguf cannot be loaded on cpu: .*\w") as caught:
        LlamaModel.open(path, "cpu")
    assert caught.value.path == str(path)
    assert "damaged or incomplete" in str(caught.value.hint)
    assert capfd.readouterr().err == ""


def test_a_file_that_is_something_else(tmp_path: Path) -> None:
    path = tmp_path / "page.gguf"
    path.write_text("<html>Not found</html>" * 100, encoding="utf-8")
    with pytest.raises(ModelUnavailableError, match="magic"):
        LlamaModel.open(path, "cpu")


def test_an_architecture_that_llama_cpp_does_not_know(write_vocabulary: Callable[..., Path]) -> None:
    with pytest.raises(ModelUnavailableError, match="unknown model architecture: 'mystery'") as caught:
        read_shape(write_vocabulary(architecture="mystery"))
    assert "newer llama-cpp-python" in str(caught.value.hint)


def test_a_model_that_is_larger_than_what_is_free(tiny_gguf: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="MiB are free"):
        LlamaEngine.open(tiny_gguf, "cpu", keep_free_mb=2**30)


def test_more_memory_than_there_is_for_prompts(tiny_gguf: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="the model needs"):
        LlamaEngine.open(tiny_gguf, "cpu", Wish(own=2**33))


def test_a_card_that_llama_cpp_cannot_use(tiny_gguf: Path) -> None:
    if library.llama_cpp().llama_supports_gpu_offload():
        pytest.skip("it can")
    for use in (LlamaModel.open, LlamaEngine.open):
        with pytest.raises(DeviceUnavailableError, match=r"CPU only|no card"):
            use(tiny_gguf, "cuda")


def test_without_llama_cpp_python(tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    library.llama_cpp.cache_clear()
    with pytest.raises(MissingExtraError, match="llama-cpp-python") as caught:
        LlamaModel.open(tiny_gguf, "cpu")
    assert caught.value.hint == "pip install 'ragfactory[llm]'"


def test_nothing_is_said_on_the_terminal(tiny_gguf: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with LlamaEngine.open(tiny_gguf, "cpu", Wish(width=2, shared=100, own=50, answer=10)):
        pass
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
