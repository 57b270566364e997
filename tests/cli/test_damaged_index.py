"""An index that is damaged: every run tells of it, and the hint leads back to one that works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import ExitCode
from ragfactory.store.layout import IndexName, IndexPaths

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace

    Cli = Callable[..., Ended]

SEALS = "The seals were counted from a boat along the whole coast of the island."
INVOICE = "The invoice was paid within thirty days by the treasurer of the club."
NAME = IndexName("acme", "p1", "algemeen")
HERE = ("--tenant", NAME.tenant, "--project", NAME.project)


def damage(paths: IndexPaths, number: int) -> None:
    """Flip a bit of a version's vectors, in a copy that no other version links: the size stays."""
    file = max(paths.version(number).glob("vectors-*.faiss"))
    data = bytearray(file.read_bytes())
    data[-1] ^= 0x01
    file.unlink()
    file.write_bytes(data)


@pytest.fixture
def two_versions(cli: Cli, workplace: Workplace) -> IndexPaths:
    """An index of a tenant's project, of two versions."""
    for name, text in (("a.txt", SEALS), ("b.txt", INVOICE)):
        workplace.write(name, text)
        assert cli("ingest", "docs", "--profile", "algemeen", *HERE).status == 0
    return IndexPaths.of(workplace.config.indexes, NAME)


@pytest.mark.parametrize("command", [("reindex",), ("ingest", "docs", "--profile", "algemeen", *HERE)])
@pytest.mark.parametrize("more", [{}, {"c.txt": SEALS.replace("seals", "owls")}])
def test_a_run_tells_of_damage_whether_or_not_there_is_work(
    cli: Cli, workplace: Workplace, two_versions: IndexPaths, command: tuple[str, ...], more: dict[str, str]
) -> None:
    damage(two_versions, 2)
    for name, text in more.items():
        workplace.write(name, text)
    ended = cli(*command, "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.NO_INDEX, "damaged")
    ended = cli(*command, "--quiet")
    assert (ended.status, len(ended.err.splitlines())) == (ExitCode.NO_INDEX, 1)
    assert two_versions.current_number() == 2


def test_damage_is_no_success_for_who_watches_the_metrics(
    cli: Cli, workplace: Workplace, two_versions: IndexPaths
) -> None:
    damage(two_versions, 2)
    metrics = workplace.path / "x.prom"
    assert cli("reindex", "--metrics-file", metrics).status == ExitCode.NO_INDEX
    assert "ragfactory_last_success_timestamp_seconds 0" in metrics.read_text()
    assert "ragfactory_run_exit_code 5" in metrics.read_text()
