"""`ragfactory config`: the settings in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ragfactory.cli import options
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run
from ragfactory.cli.text import harmless

if TYPE_CHECKING:
    from ragfactory.cli.output import Output

app = typer.Typer(help="Show the configuration.", no_args_is_help=True, rich_markup_mode=None)


@app.command("show")
def show(home: options.Home = None, json: options.Json = False) -> None:
    """Show every setting with its value, and the file that can change it."""

    def body(_output: Output) -> CommandResult:
        config = options.configure(home)
        file = config.config_dir / "config.toml"
        settings = config.model_dump(mode="json")
        state = "" if file.is_file() else " (not there: these are the defaults)"
        lines = [f"# {file}{state}", *_lines(settings)]
        return CommandResult(
            data={"file": str(file), "settings": settings},
            render=lambda console: console.print(harmless("\n".join(lines)), soft_wrap=True),
        )

    run("config show", body, json=json)


def _lines(settings: dict[str, object], prefix: str = "") -> list[str]:
    lines = []
    for key, value in settings.items():
        if isinstance(value, dict):
            lines += _lines(value, f"{prefix}{key}.")
        else:
            lines.append(f"{prefix}{key} = {value!r}")
    return lines
