"""`ragfactory index check`: whether indexes are whole."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragfactory.cli import options
from ragfactory.cli.index.selection import OnlyProject, OnlyTenant, OnlyType, narrowed
from ragfactory.cli.result import CommandResult, Problem
from ragfactory.cli.run import run
from ragfactory.cli.text import counted

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.store.check import VersionCheck
    from ragfactory.store.layout import IndexName, IndexPaths

    Checks = list[tuple[IndexName, VersionCheck]]


def check(
    read_all: Annotated[
        bool, typer.Option("--read-all", help="Read every file, also those that were read and not touched since.")
    ] = False,
    all_versions: Annotated[
        bool, typer.Option("--all-versions", help="Check every version, not only the one that serves.")
    ] = False,
    tenant: OnlyTenant = None,
    project: OnlyProject = None,
    document_type: OnlyType = None,
    quiet: options.Quiet = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Check every index of the home: that all files are those that were written, and that they agree with each other."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.errors import DamagedIndexError, ExitCode
        from ragfactory.store.check import check_index
        from ragfactory.store.layout import IndexPaths

        config = options.configure(home, tenant=tenant, project=project)
        checks: Checks = []
        problems = []
        for name in narrowed(config, tenant, project, document_type):
            paths = IndexPaths.of(config.indexes, name)
            try:
                found = check_index(paths, all_versions=all_versions, read_all=read_all)
            except DamagedIndexError as error:
                problems.append(Problem.of(error))
                continue
            checks += [(name, entry) for entry in found]
            problems += [problem for entry in found for problem in _problems(name, paths, entry)]
        return CommandResult(
            data={"versions": [_entry(name, entry) for name, entry in checks]},
            render=lambda console: _render([entry for _, entry in checks], console),
            warnings=tuple(
                f"{path}: not a file of version {entry.number:06d}" for _, entry in checks for path in entry.strangers
            ),
            errors=tuple(problems),
            exit_code=ExitCode.NO_INDEX if problems else ExitCode.OK,
        )

    run("index check", body, json=json, quiet=quiet)


def _problems(name: IndexName, paths: IndexPaths, check: VersionCheck) -> list[Problem]:
    from ragfactory.errors import DamagedIndexError

    hint = paths.way_back if check.number == paths.current_number() else _way_to_remove(name, paths, check.number)
    return [Problem(DamagedIndexError.code, str(damage), hint=hint, path=str(damage.path)) for damage in check.damage]


def _way_to_remove(name: IndexName, paths: IndexPaths, number: int) -> str:
    newer = sum(other > number for other in paths.version_numbers())
    if not newer:  # prune keeps one at least, and this is the newest
        return f"it does not serve; its folder may be removed: rm -r {shlex.quote(str(paths.version(number)))}"
    return f"it does not serve; `ragfactory index prune --keep {newer} {name.options}` removes it and what is older"


def _entry(name: IndexName, check: VersionCheck) -> dict[str, Any]:
    return {
        "index": str(name),
        "version": check.number,
        "files": check.files,
        "bytes": check.bytes,
        "damage": [{"path": str(damage.path), "what": damage.what} for damage in check.damage],
        "strangers": [str(path) for path in check.strangers],
    }


def _render(checks: list[VersionCheck], console: Console) -> None:
    files = sum(check.files for check in checks)
    size = sum(check.bytes for check in checks) / 2**20
    damaged = sum(bool(check.damage) for check in checks)
    found = f", {counted(damaged, 'version')} damaged" if damaged else ""
    console.print(f"{counted(len(checks), 'version')}, {counted(files, 'file')}, {size:.1f} MiB checked{found}")
