"""The binding as it is loaded: the settings that its library reads only then."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ragfactory.context.llama.library import SPIN_COUNT


@pytest.mark.parametrize(("own", "expected"), [(None, "1000"), ("5", "5")])
def test_threads_spin_for_a_short_time_unless_the_user_wants_otherwise(own: str | None, expected: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != SPIN_COUNT}
    # The library itself says what it goes by.
    environment |= {"OMP_DISPLAY_ENV": "verbose"} | ({SPIN_COUNT: own} if own else {})
    line = "from ragfactory.context.llama.library import llama_cpp; llama_cpp()"
    said = subprocess.run(
        [sys.executable, "-c", line], env=environment, check=True, capture_output=True, text=True
    ).stderr
    shown = {line.split("=")[1].strip(" '") for line in said.splitlines() if SPIN_COUNT in line}
    assert shown == {expected}
