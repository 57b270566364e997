"""Hints name the folder and the index that they are about, so that they can be pasted."""

from __future__ import annotations

import re
import shlex
import shutil
from typing import TYPE_CHECKING

from ragfactory.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace

    Cli = Callable[..., Ended]

SEALS = "The seals were counted from a boat along the whole coast of the island."


def test_documents_of_a_folder_that_vanished_go_as_the_hint_says(cli: Cli, workplace: Workplace) -> None:
    here = ("--tenant", "acme", "--project", "p1")
    workplace.write("a.txt", SEALS, root="a disk")
    workplace.write("b.txt", SEALS.replace("seals", "owls"))
    assert cli("ingest", "docs", "a disk", "--profile", "rapport", *here).status == 0
    shutil.rmtree(workplace.path / "a disk")
    ended = cli("reindex", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.PARTIAL, "vanished")
    (line,) = re.findall("`ragfactory (.*?)`", ended.error["hint"])
    removed = cli(*shlex.split(line), "--json")
    assert (removed.status, removed.envelope["data"]["files_removed"]) == (0, 1)
    assert cli("reindex").status == 0


def test_files_that_failed_before_are_told_by_project(cli: Cli, workplace: Workplace) -> None:
    for project in ("one", "two"):
        workplace.write("a.txt", SEALS, root=project)
        workplace.write(f"bad-{project}.txt", "", root=project)
        assert cli("ingest", project, "--tenant", "acme", "--project", project).status == ExitCode.PARTIAL
    errors = cli("reindex", "--json").envelope["errors"]
    assert [error["code"] for error in errors] == ["failed_before", "failed_before"]
    for error, project in zip(errors, ("one", "two"), strict=True):
        (line,) = re.findall("`ragfactory (.*?)`", error["hint"])
        assert f"bad-{project}.txt" in cli(*shlex.split(line), "--json").out
