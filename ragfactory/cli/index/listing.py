"""`ragfactory index list`: every index and the version that serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.cli import options
from ragfactory.cli.index.summary import kind_of, size_of, summary
from ragfactory.cli.result import CommandResult, Problem
from ragfactory.cli.run import run

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.store.records import Manifest


def list_indexes(home: options.Home = None, json: options.Json = False) -> None:
    """List every index of every tenant: the version that serves, documents, chunks, how vectors are searched."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.errors import DamagedIndexError, ExitCode
        from ragfactory.store.layout import IndexPaths, find_indexes
        from ragfactory.store.version import hold_version, read_manifest

        config = options.configure(home)
        manifests, problems = [], []
        for name in find_indexes(config.indexes):
            try:
                with hold_version(IndexPaths.of(config.indexes, name), name) as held:
                    manifests.append(read_manifest(held.directory))
            except DamagedIndexError as error:
                problems.append(Problem.of(error))
        return CommandResult(
            data={"indexes": [summary(manifest) for manifest in manifests]},
            render=lambda console: _render(manifests, console),
            errors=tuple(problems),
            exit_code=ExitCode.NO_INDEX if problems else ExitCode.OK,
        )

    run("index list", body, json=json)


def _render(manifests: list[Manifest], console: Console) -> None:
    from rich.table import Table

    if not manifests:
        console.print("there is no index yet: `ragfactory ingest FOLDER` builds one")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("index", no_wrap=True)
    for name in ("version", "docs", "chunks", "MiB"):
        table.add_column(name, justify="right")
    table.add_column("vectors")
    table.add_column("languages")
    for manifest in manifests:
        table.add_row(
            manifest.index,
            f"{manifest.version:06d}",
            f"{manifest.documents:,}",
            f"{manifest.chunks:,}",
            f"{size_of(manifest) / 2**20:.1f}",
            kind_of(manifest),
            " ".join(manifest.languages),
        )
    console.print(table)
