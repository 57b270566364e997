"""`ragfactory model`: which models are on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from ragfactory.cli import options
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output

app = typer.Typer(help="Show the models this machine has.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_models(home: options.Home = None, json: options.Json = False) -> None:
    """List the models for embedding and reranking, and where each was found."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.embedding.catalog import AUTO, BGE_RERANKER_V2_M3, EMBEDDERS
        from ragfactory.embedding.locate import find_model, resolve

        config = options.configure(home)
        models: list[dict[str, Any]] = []
        for spec in (*EMBEDDERS.values(), BGE_RERANKER_V2_M3):
            path = find_model(spec, config.models)
            models.append(
                {
                    "name": spec.name,
                    "role": spec.role,
                    "dimension": spec.dimension,
                    "window": spec.max_tokens,
                    "path": str(path) if path else None,
                }
            )
        chosen = resolve(AUTO, config.models).spec.name
        return CommandResult(
            data={"models": models, "auto": chosen}, render=lambda console: _render(models, chosen, console)
        )

    run("model list", body, json=json)


def _render(models: list[dict[str, Any]], chosen: str, console: Console) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("model", "role", "dimensions", "window", "where"):
        table.add_column(name, justify="right" if name in {"dimensions", "window"} else "left", overflow="fold")
    for model in models:
        name = f"{model['name']} (auto)" if model["name"] == chosen else model["name"]
        where = model["path"] or "not on this machine"
        table.add_row(name, model["role"], str(model["dimension"]), str(model["window"]), where)
    console.print(table)
