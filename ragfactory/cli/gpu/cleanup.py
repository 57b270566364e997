"""`ragfactory gpu cleanup`: clear away what dead runs left on the cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragfactory.cli import options  # noqa: TC001 - typer reads annotations when it runs
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run
from ragfactory.cli.text import counted, on_one_line

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.fleet.orphans import Ended


@dataclass(frozen=True, slots=True)
class Cleared:
    """What was done: workers that were ended, cards whose lease was void, and models by the server that had them."""

    workers: list[Ended]
    leases: list[str]
    models: dict[str, list[str]]


def cleanup(
    ollama: Annotated[
        bool, typer.Option("--ollama", help="Have the Ollama server of this machine unload its models too.")
    ] = False,
    ollama_url: Annotated[
        list[str] | None,
        typer.Option("--ollama-url", metavar="URL", help="Have the Ollama server there unload its models; repeatable."),
    ] = None,
    json: options.Json = False,
) -> None:
    """End workers whose run is gone, and remove the leases of dead runs. What works, and what is not ours, is left alone."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.fleet.leases import machine_wide, remove_void
        from ragfactory.fleet.ollama import DEFAULT_URL
        from ragfactory.fleet.orphans import end_orphans

        models, warnings = _unload([*([DEFAULT_URL] if ollama else []), *(ollama_url or [])])
        cleared = Cleared(end_orphans(), remove_void(machine_wide()), models)
        return CommandResult(
            data=_data(cleared), render=lambda console: _render(cleared, console), warnings=tuple(warnings)
        )

    run("gpu cleanup", body, json=json)


def _unload(urls: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """The models that each server unloaded, and what went wrong."""
    from ragfactory.fleet.ollama import OllamaError, unload_models

    unloaded, problems = {}, []
    for url in dict.fromkeys(urls):
        try:
            unloaded[url] = unload_models(url)
        except OllamaError as error:
            problems.append(str(error))
    return unloaded, problems


def _data(cleared: Cleared) -> dict[str, Any]:
    return {
        "workers": [
            {"pid": ended.worker.pid, "run": ended.worker.run, "killed": ended.killed} for ended in cleared.workers
        ],
        "leases": cleared.leases,
        "models": [{"url": url, "model": name} for url, names in cleared.models.items() for name in names],
    }


def _render(cleared: Cleared, console: Console) -> None:
    lines = [
        f"{'killed' if ended.killed else 'ended'} worker {ended.worker.pid} of run {ended.worker.run}"
        for ended in cleared.workers
    ]
    lines += [f"removed the lease of a dead run on {uuid}" for uuid in cleared.leases]
    for url, names in cleared.models.items():
        lines.append(f"{url}: {counted(len(names), 'model')} unloaded" + (f": {', '.join(names)}" if names else ""))
    for line in lines or ["nothing to clear away"]:
        console.print(on_one_line(line), soft_wrap=True)
