"""`ragfactory index prune`: remove old versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragfactory.cli import options
from ragfactory.cli.index.selection import OnlyProject, OnlyTenant, OnlyType, narrowed
from ragfactory.cli.result import CommandResult, Problem
from ragfactory.cli.run import run

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.store.layout import IndexName
    from ragfactory.store.prune import PruneResult

    Results = dict[IndexName, PruneResult]


def prune(
    keep: Annotated[int, typer.Option("--keep", min=1, help="How many of the newest versions stay.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    tenant: OnlyTenant = None,
    project: OnlyProject = None,
    document_type: OnlyType = None,
    quiet: options.Quiet = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Remove old versions, in every index of the home. The version that serves stays, and versions that are being read."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.errors import ExitCode, RagfactoryError
        from ragfactory.store import prune as store
        from ragfactory.store.durable import store_errors
        from ragfactory.store.layout import IndexPaths

        config = options.configure(home, tenant=tenant, project=project)
        results: Results = {}
        problems, exit_code = [], ExitCode.OK
        for name in narrowed(config, tenant, project, document_type):
            try:
                with store_errors():
                    results[name] = store.prune(IndexPaths.of(config.indexes, name), keep, dry_run=dry_run)
            except RagfactoryError as error:  # one index that is being written does not keep the others
                problems.append(Problem.of(error))
                exit_code = error.exit_code
        return CommandResult(
            data={
                "dry_run": dry_run,
                "indexes": [_entry(name, result) for name, result in results.items()],
                "freed_bytes": sum(result.freed for result in results.values()),
            },
            render=lambda console: _render(results, console, dry_run=dry_run),
            warnings=tuple(_warnings(results)),
            errors=tuple(problems),
            exit_code=exit_code,
        )

    run("index prune", body, json=json, quiet=quiet)


def _entry(name: IndexName, result: PruneResult) -> dict[str, Any]:
    return {
        "index": str(name),
        "removed": list(result.removed),
        "kept": list(result.kept),
        "held": list(result.held),
        "leftovers": list(result.leftovers),
        "freed_bytes": result.freed,
    }


def _warnings(results: Results) -> list[str]:
    return [
        f"{name}: version {number:06d} is being read, and stays"
        for name, result in results.items()
        for number in result.held
    ]


def _render(results: Results, console: Console, *, dry_run: bool) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("index", no_wrap=True)
    for column in ("would go" if dry_run else "removed", "kept", "being read", "leftovers", "MiB"):
        table.add_column(column, justify="right")
    for name, result in results.items():
        counts = (len(versions) for versions in (result.removed, result.kept, result.held, result.leftovers))
        table.add_row(str(name), *map(str, counts), f"{result.freed / 2**20:.1f}")
    console.print(table)
