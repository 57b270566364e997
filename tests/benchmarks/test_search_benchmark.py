"""The search's benchmark at a size that takes seconds: it runs to its end, and what is no matter of time holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.search import measure_warm, show_cold, show_compared, show_warm
from benchmarks.search_cold import Cold, Took
from benchmarks.search_models import measure_reranking

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_warm_searches_are_all_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = measure_warm(tmp_path, 300, 4)
    assert len(seconds) == 4
    assert min(seconds) > 0
    show_warm(300, seconds)
    assert "300 chunks of 1,024 dimensions" in capsys.readouterr().out


def test_reranking_gives_the_peers_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full, half = measure_reranking(tmp_path / "model", 1, 1)
    assert full.difference < 1e-5
    assert half.difference < 0.02
    show_compared("reranking", "CrossEncoder.predict", [full, half])
    assert "float32, 1 layers" in capsys.readouterr().out


def test_a_ratio_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    show_cold(10_000, 1, Cold(Took(0.3, 0.3), Took(0.5, 0.6), Took(5.0, 4.0), parts={"import faiss": 0.04}))
    told = capsys.readouterr().out
    assert "10.0 x as long" in told
    assert "import faiss" in told
