"""The lines that docs and docstrings give for a benchmark start it, from the folder of the repository."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.py")]
LINES = sorted({line for page in PAGES for line in re.findall(r"python (?:-m )?benchmarks[\w./]+\w", page.read_text())})


@pytest.mark.parametrize("line", LINES)
def test_the_line_names_a_module(line: str) -> None:
    assert (ROOT / (line.removeprefix("python -m ").replace(".", "/") + ".py")).is_file()


@pytest.mark.parametrize("name", ["kill_loop", "store"])
def test_it_starts_without_an_editable_install(name: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
    started = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stderr
