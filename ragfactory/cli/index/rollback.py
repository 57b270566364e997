"""`ragfactory index rollback`: make an earlier version serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ragfactory.cli import options
from ragfactory.cli.index.selection import TheType, the_index
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.store.layout import IndexName
    from ragfactory.store.rollback import Rollback


def rollback(
    version: Annotated[
        int | None,
        typer.Argument(
            metavar="VERSION",
            min=1,
            help="The version that is to serve; left out, the one that the present version was built upon.",
            show_default=False,
        ),
    ] = None,
    document_type: TheType = None,
    tenant: options.Tenant = None,
    project: options.Project = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Make an earlier version of an index serve, at once. The next ingest or reindex brings it up to date again."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.store import rollback as store
        from ragfactory.store.durable import store_errors
        from ragfactory.store.layout import IndexPaths

        config = options.configure(home, tenant=tenant, project=project)
        name = the_index(config, document_type)
        with store_errors():
            done = store.rollback(IndexPaths.of(config.indexes, name), name, version)
        return CommandResult(
            data={"index": str(name), "version": done.serving, "before": done.before, "changed": done.changed},
            render=lambda console: _render(name, done, console),
        )

    run("index rollback", body, json=json)


def _render(name: IndexName, done: Rollback, console: Console) -> None:
    if not done.changed:
        console.print(f"{name}: version {done.serving:06d} serves already")
        return
    before = "" if done.before is None else f" in place of {done.before:06d}"
    console.print(f"{name}: version {done.serving:06d} serves{before}", soft_wrap=True)
    console.print("the next ingest or reindex brings it up to date with the files again", soft_wrap=True)
