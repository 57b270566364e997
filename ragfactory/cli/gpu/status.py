"""`ragfactory gpu status`: every card, what it does and what it does it for."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragfactory.cli import options
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.gpu.look import Look
    from ragfactory.cli.output import Output
    from ragfactory.fleet.driver import Driver
    from ragfactory.fleet.policy import Policy
    from ragfactory.fleet.state import CardState


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Look again every 2 seconds, until Ctrl-C.")] = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Show every card: temperature, use, memory, power, and what it does for which run."""

    def body(output: Output) -> CommandResult:
        from ragfactory.cli.gpu.look import look
        from ragfactory.fleet.driver import open_driver
        from ragfactory.fleet.policy import Policy

        if watch:
            _require_terminal(output)
        policy = Policy(options.configure(home).fleet)
        with open_driver() as driver:
            if watch:
                _watch(output.console, driver, policy)
                return CommandResult()
            found = look(driver, policy)
        return CommandResult(data=_data(found), render=lambda console: _render(found, console))

    run("gpu status", body, json=json)


def _require_terminal(output: Output) -> None:
    from ragfactory.errors import UsageError

    if output.json or not output.console.is_terminal:
        raise UsageError("--watch needs a terminal, and goes without --json", hint="call this again and again instead")


def _watch(console: Console, driver: Driver, policy: Policy) -> None:
    from rich.live import Live

    from ragfactory.cli.gpu.look import EVERY_S, look
    from ragfactory.cli.gpu.table import status_table

    try:
        with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
            while True:
                found = look(driver, policy)
                live.update(status_table(found.box, found.states, console.width), refresh=True)
                time.sleep(EVERY_S)
    except KeyboardInterrupt:  # the way to end it
        return


def _data(found: Look) -> dict[str, Any]:
    return {
        "driver": found.box.driver,
        "cuda": found.box.cuda,
        "problem": found.box.problem,
        "gpu_count": len(found.states),
        "gpus": [_card(state) for state in found.states],
        "current_task": found.task,
    }


def _card(state: CardState) -> dict[str, Any]:
    known = {"uuid": state.card.uuid or None, "state": state.state, "reason": state.reason}
    return asdict(state.card) | known


def _render(found: Look, console: Console) -> None:
    from ragfactory.cli.gpu.table import status_table

    console.print(status_table(found.box, found.states, console.width))
