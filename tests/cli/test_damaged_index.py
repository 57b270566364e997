"""An index that is damaged: every run tells of it, and the hint leads back to one that works."""

from __future__ import annotations

import re
import shlex
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


def pasted(cli: Cli, hint: str) -> Ended:
    """What the command line in a hint comes to."""
    found = re.search("`ragfactory (.*?)`", hint)
    assert found, hint
    return cli(*shlex.split(found[1]))


def test_the_hint_leads_back_to_a_version_that_works(cli: Cli, two_versions: IndexPaths) -> None:
    damage(two_versions, 2)
    assert cli("search", "seals", *HERE).status == ExitCode.NO_INDEX
    hint = cli("reindex", "--json").error["hint"]
    assert pasted(cli, hint).status == 0
    assert cli("search", "seals", *HERE).status == 0
    assert cli("reindex", "--json").envelope["data"]["files_added"] == 1


def test_the_hint_leads_out_of_a_broken_current(cli: Cli, two_versions: IndexPaths) -> None:
    two_versions.current.write_text("seven")
    assert pasted(cli, cli("search", "seals", *HERE, "--json").error["hint"]).status == 0
    assert cli("search", "seals", *HERE).status == 0


def test_with_no_older_version_the_hint_is_to_ingest_again(cli: Cli, two_versions: IndexPaths) -> None:
    assert cli("index", "rollback", "1", *HERE).status == 0
    damage(two_versions, 1)
    hint = cli("reindex", "--json").error["hint"]
    assert hint == f"remove {two_versions.current} and ingest the folder again, with --tenant acme --project p1"
    two_versions.current.unlink()
    assert cli("ingest", "docs", "--profile", "algemeen", *HERE).status == 0
    assert cli("search", "seals", *HERE).status == 0


def test_an_old_version_that_is_damaged_is_removed_as_the_hint_says(cli: Cli, two_versions: IndexPaths) -> None:
    damage(two_versions, 1)
    error = cli("index", "check", "--all-versions", "--json").error
    assert pasted(cli, error["hint"]).status == 0
    assert two_versions.version_numbers() == [2]


def test_a_version_from_before_a_rollback_that_is_damaged_is_named_for_removal(
    cli: Cli, two_versions: IndexPaths
) -> None:
    assert cli("index", "rollback", *HERE).status == 0
    damage(two_versions, 2)
    error = cli("index", "check", "--all-versions", "--json").error
    assert error["hint"].endswith(f"rm -r {two_versions.version(2)}")
