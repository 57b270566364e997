"""`ragfactory model`: which models are on this machine, and whether they can be used."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ragfactory.cli import options, pulling
from ragfactory.cli.result import CommandResult, Problem
from ragfactory.cli.run import run
from ragfactory.cli.text import on_one_line
from ragfactory.errors import ExitCode, ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.config import Config

app = typer.Typer(help="Show the models this machine has, and get others.", no_args_is_help=True, rich_markup_mode=None)
app.command("pull")(pulling.pull_model)


@app.command("list")
def list_models(home: options.Home = None, json: options.Json = False) -> None:
    """List the models for embedding, reranking and writing, and where each was found."""

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
        models += [
            {"name": path.name, "role": "writer", "dimension": None, "window": None, "path": str(path)}
            for path in _ggufs(config)
        ]
        chosen = resolve(AUTO, config.models).spec.name
        return CommandResult(
            data={"models": models, "auto": chosen}, render=lambda console: _render(models, chosen, console)
        )

    run("model list", body, json=json)


@app.command("check")
def check_models(home: options.Home = None, json: options.Json = False) -> None:
    """Check every model that is on this machine: its files, their shape, and its weights' hash where one is known."""

    def body(_output: Output) -> CommandResult:
        checked = [(name, path, _damage(check)) for name, path, check in _checks(options.configure(home))]
        problems = [replace(Problem.of(error), path=path) for _, path, error in checked if error]
        return CommandResult(
            data={
                "models": [
                    {"name": name, "path": path, "ok": error is None, "problem": error.message if error else None}
                    for name, path, error in checked
                ]
            },
            render=lambda console: _render_checked(
                [f"{name}: {path}" for name, path, error in checked if not error], console
            ),
            errors=tuple(problems),
            exit_code=ExitCode.UNAVAILABLE if problems else ExitCode.OK,
        )

    run("model check", body, json=json)


def _checks(config: Config) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """The name and path of each model that is here, and what raises where it cannot be used."""
    from ragfactory.context.llama.model import read_shape
    from ragfactory.embedding.catalog import BGE_RERANKER_V2_M3, EMBEDDERS, ResolvedModel
    from ragfactory.embedding.locate import find_model
    from ragfactory.embedding.transformer import load_transformer
    from ragfactory.embedding.weights import fingerprint

    def encoder(model: ResolvedModel) -> None:
        fingerprint(model)
        load_transformer(model)

    for spec in (*EMBEDDERS.values(), BGE_RERANKER_V2_M3):
        if folder := find_model(spec, config.models):
            model = ResolvedModel(spec, folder, spec.name, config.models / "weights.json")
            yield spec.name, str(folder), partial(encoder, model)
    for path in _ggufs(config):
        yield path.name, str(path), partial(read_shape, path)


def _damage(check: Callable[[], object]) -> ModelUnavailableError | None:
    try:
        check()
    except ModelUnavailableError as error:
        return error
    return None


def _ggufs(config: Config) -> list[Path]:
    """The language models here: the one that the configuration names, and those in the models folder."""
    named = config.models / Path(config.context.gguf).expanduser()
    return sorted({*config.models.rglob("*.gguf"), *([named] if config.context.gguf and named.is_file() else [])})


def _render(models: list[dict[str, Any]], chosen: str, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in ("model", "role", "dimensions", "window", "where"):
        table.add_column(name, justify="right" if name in {"dimensions", "window"} else "left", overflow="fold")
    for model in models:
        name = f"{model['name']} (auto)" if model["name"] == chosen else model["name"]
        where = model["path"] or f"not here: `ragfactory model pull {model['name']}` gets it"
        sizes = (str(model[key] or "") for key in ("dimension", "window"))
        table.add_row(Text(on_one_line(name)), model["role"], *sizes, Text(on_one_line(where)))
    console.print(table)


def _render_checked(lines: list[str], console: Console) -> None:
    from rich.text import Text

    for line in lines:
        console.print(Text(on_one_line(line)), soft_wrap=True)
