"""`ragfactory model pull`: get a model, with a bar on a terminal and a line now and then elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragfactory.cli import options
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run
from ragfactory.cli.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import Progress, TaskID

    from ragfactory.cli.output import Output
    from ragfactory.config import Config
    from ragfactory.download.hub import Hub
    from ragfactory.download.pull import Pulled

_LINE_EVERY_S = 5.0


def pull_model(
    name: Annotated[
        str,
        typer.Argument(
            help="A name from `model list`; OWNER/REPO:FILE.gguf; or the address of a GGUF.", show_default=False
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="The hub to ask.", show_default="$HF_ENDPOINT, else huggingface.co"),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Get it also where it is on this machine, and put it in its place.")
    ] = False,
    quiet: options.Quiet = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Get a model from a hub of models. Stopped at any moment, the same command goes on from there."""

    def body(output: Output) -> CommandResult:
        from ragfactory.download.pull import pull
        from ragfactory.errors import UsageError

        if source is not None and "://" in name:
            raise UsageError("--from names a hub, and an address needs none", hint="leave --from away")
        config = options.configure(home)
        with _watch(output) as watcher:
            pulled = pull(name, config.models, _hub(source), watcher, force=force)
        return CommandResult(
            data=_data(pulled),
            render=lambda console: _render(pulled, console),
            warnings=(*watcher.told, *_advice(pulled, config)),
        )

    run("model pull", body, json=json, quiet=quiet)


def _hub(source: str | None) -> Hub:
    """The hub to ask. The token is for the hub of the environment: no other that an option names gets to see it."""
    from huggingface_hub import get_token

    from ragfactory.config import hub_address
    from ragfactory.download.hub import Hub

    own = hub_address()
    address = (source or own).rstrip("/")
    return Hub(address, get_token() if address == own else None)


def _advice(pulled: Pulled, config: Config) -> list[str]:
    """What is to be done before it is used."""
    if pulled.role != "writer" or config.context.gguf:
        return []
    others = {path.name for path in config.models.rglob("*.gguf")} - {pulled.name}
    if not others:
        return []
    return [f'{len(others) + 1} GGUF files are here now: config.toml has to name one, [context] gguf = "{pulled.name}"']


def _data(pulled: Pulled) -> dict[str, Any]:
    return {**asdict(pulled), "path": str(pulled.path), "hashes": dict(pulled.hashes or {})}


def _render(pulled: Pulled, console: Console) -> None:
    if not pulled.fetched:
        console.print(on_one_line(f"{pulled.name} is here already: {pulled.path}"), soft_wrap=True)
        return
    console.print(on_one_line(f"{pulled.name} is here: {pulled.path}"), soft_wrap=True)
    revision = f" at {pulled.revision}" if pulled.revision else ""
    console.print(on_one_line(f"  {_megabytes(pulled.size)} from {pulled.source}{revision}"), soft_wrap=True)
    for name, digest in (pulled.hashes or {}).items():
        console.print(on_one_line(f"  sha256 {digest}  {name}"), soft_wrap=True)


class _Lines:
    """A line now and then, and one at the end of each file. `told` is what was said beside that, for a JSON document."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._last = time.monotonic()
        self.told: list[str] = []

    def received(self, name: str, done: int, total: int | None) -> None:
        """So many bytes of a file are here."""
        now = time.monotonic()
        if not self._output.quiet and (now - self._last >= _LINE_EVERY_S or done == total):
            self._last = now
            of = f" of {_megabytes(total)}" if total else ""
            self._output.note("pull", f"{name}: {_megabytes(done)}{of}")

    def note(self, message: str) -> None:
        """Something is worth a line now."""
        if self._output.json:
            self.told.append(message)
        elif not self._output.quiet:
            self._output.note("note", message)


class _Bars(_Lines):
    """A bar for each file."""

    def __init__(self, output: Output, progress: Progress) -> None:
        super().__init__(output)
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def received(self, name: str, done: int, total: int | None) -> None:
        """So many bytes of a file are here."""
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(on_one_line(name), total=total)
        self._progress.update(self._tasks[name], completed=done, total=total)


@contextmanager
def _watch(output: Output) -> Iterator[_Lines]:
    """Who shows how far it is, on standard error."""
    if not output.errors.is_terminal or output.quiet:
        yield _Lines(output)
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=output.errors, transient=True) as progress:
        yield _Bars(output, progress)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
