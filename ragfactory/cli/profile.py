"""`ragfactory profile`: the recipes for kinds of documents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragfactory.cli import options
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run
from ragfactory.cli.text import harmless, on_one_line

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.profiles import LoadedProfile

app = typer.Typer(help="List, show, check and create profiles.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_profiles(home: options.Home = None, json: options.Json = False) -> None:
    """List the profiles: those in ./profiles, in the user's configuration folder, and the shipped ones."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.profiles import load_profiles

        loaded = load_profiles(options.configure(home).profile_dirs)
        data = [
            {"name": name, "description": entry.profile.description, "path": str(entry.path)}
            for name, entry in loaded.items()
        ]
        return CommandResult(data={"profiles": data}, render=lambda console: _render_list(loaded, console))

    run("profile list", body, json=json)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="The profile's name.")],
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Print a profile as it stands in its file; the output is a valid profile to start another from."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.profiles import get_profile, load_profiles

        loaded = load_profiles(options.configure(home).profile_dirs)
        profile = get_profile(loaded, name)
        text = loaded[name].path.read_text(encoding="utf-8")
        data = {"path": str(loaded[name].path), "profile": profile.model_dump(mode="json")}
        return CommandResult(data=data, render=lambda console: console.print(harmless(text), soft_wrap=True, end=""))

    run("profile show", body, json=json)


@app.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Profile files to check.")],
    json: options.Json = False,
) -> None:
    """Check profile files, and say for each wrong one which key is wrong and what was expected."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.cli.result import Problem
        from ragfactory.errors import ExitCode, ProfileError
        from ragfactory.pipeline.recipe import check_profile
        from ragfactory.profiles import load_profile

        good, problems = [], []
        for file in files:
            try:
                check_profile(load_profile(file))
            except ProfileError as error:
                problems.append(Problem.of(error))
            else:
                good.append(str(file))
        return CommandResult(
            data={"valid": good},
            render=lambda console: console.print(
                "".join(f"{on_one_line(file)}: valid\n" for file in good), soft_wrap=True, end=""
            ),
            errors=tuple(problems),
            exit_code=ExitCode.USAGE if problems else ExitCode.OK,
        )

    run("profile check", body, json=json)


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="The new profile's name, and that of its document type.")],
    like: Annotated[
        str | None,
        typer.Option("--like", help="The profile to start from.", show_default="the one of that name, else algemeen"),
    ] = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Create ./profiles/NAME.toml, to be edited: a copy of the shipped profile of that name to override it, or of another."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.errors import UsageError
        from ragfactory.profiles import copy_profile, load_profiles

        loaded = load_profiles(options.configure(home).profile_dirs)
        path = Path("profiles") / f"{name}.toml"
        if path.exists():
            raise UsageError(f"{path} is there already", hint="edit it, or choose another name", path=str(path))
        copy_profile(loaded, like or (name if name in loaded else "algemeen"), name, path)
        return CommandResult(
            data={"path": str(path)},
            render=lambda console: console.print(f"created {path}; `ragfactory profile check {path}` after editing"),
        )

    run("profile new", body, json=json)


def _render_list(loaded: dict[str, LoadedProfile], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("profile")
    table.add_column("strategy")
    table.add_column("size", justify="right")
    table.add_column("description", overflow="fold")
    for name, entry in loaded.items():
        chunk = entry.profile.chunk
        table.add_row(name, chunk.strategy, str(chunk.size or ""), Text(harmless(entry.profile.description)))
    console.print(table)
