from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from ragfactory.download.hub import Hub
from ragfactory.download.pull import Pulled, pull
from tests.download.hub_server import HubServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Watcher:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.counts: list[tuple[str, int, int | None]] = []
        self.notes: list[str] = []

    def received(self, name: str, done: int, total: int | None) -> None:
        self.counts.append((name, done, total))

    def note(self, message: str) -> None:
        self.notes.append(message)


@dataclass
class Place:
    """A hub, and a machine that has no model anywhere."""

    server: HubServer
    models: Path
    watcher: Watcher = field(default_factory=Watcher)

    def pull(self, name: str, *, hub: Hub | None = None, force: bool = False) -> Pulled:
        return pull(name, self.models, hub or Hub(self.server.url, None), self.watcher, force=force)


@pytest.fixture
def server() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def place(server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    return Place(server, tmp_path / "home" / "models")
