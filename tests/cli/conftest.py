from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from ragfactory.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Workplace

ENVELOPE = ["schema", "command", "status", "exit_code", "data", "warnings", "errors"]
STATUS = {0: "success", 3: "partial"}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def envelope(self) -> dict[str, Any]:
        return orjson.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The one error of the envelope."""
        (error,) = self.envelope["errors"]
        return error


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> Callable[[Workplace], None]:
    """Make a workplace the one that commands use, on a terminal of 80 columns."""

    def settle(workplace: Workplace) -> None:
        config = workplace.config
        config.config_dir.mkdir(exist_ok=True)
        (config.config_dir / "config.toml").write_text(f'embedder = "{config.embedder}"\nparsers = {config.parsers}\n')
        for name in list(os.environ):
            if name.startswith("RAGFACTORY_") or name in {"FORCE_COLOR", "TTY_COMPATIBLE"}:
                monkeypatch.delenv(name)
        monkeypatch.setenv("RAGFACTORY_HOME", str(config.home))
        monkeypatch.setenv("RAGFACTORY_CONFIG", str(config.config_dir))
        monkeypatch.setenv("COLUMNS", "80")

    return settle


@pytest.fixture
def cli(
    workplace: Workplace,
    settled: Callable[[Workplace], None],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., Ended]:
    """Run a command line in this process. What holds for every command is checked on every call."""
    settled(workplace)

    def run(*arguments: str | Path) -> Ended:
        words = [str(argument) for argument in arguments]
        monkeypatch.setattr(sys, "argv", ["ragfactory", *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capfd.readouterr()
        ended = Ended(int(caught.value.code or 0), out, err)
        assert "Traceback" not in err + out
        if "--json" in words:
            envelope = ended.envelope
            assert list(envelope) == ENVELOPE
            assert envelope["schema"] == "ragfactory/1"
            assert envelope["exit_code"] == ended.status
            assert envelope["status"] == STATUS.get(ended.status, "error")
            for error in envelope["errors"]:
                assert {"code", "message", "hint"} <= set(error) <= {"code", "message", "hint", "path"}
            assert "error:" not in err, "errors are in the document"
        return ended

    return run


@pytest.fixture
def library_cli(
    cli: Callable[..., Ended], library: Workplace, settled: Callable[[Workplace], None]
) -> Callable[..., Ended]:
    """Run a command line on the library. Tests do not change it."""
    settled(library)
    return cli
