"""`ragfactory gpu plan`: which devices a run would use now, and why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ragfactory.cli import options
from ragfactory.cli.output import on_one_line
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.fleet.model import Box, Role, Verdict
    from ragfactory.fleet.policy import Policy

    Plan = dict[Role, list[Verdict]]

_PURPOSES = {"embed": "make vectors", "rerank": "order what was found", "write": "write contexts"}


def plan(
    devices: options.Devices = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Say which devices a run would use for what now, in which order, and why each card would or would not work."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.fleet.driver import open_driver
        from ragfactory.fleet.leases import holders, machine_wide
        from ragfactory.fleet.model import Role
        from ragfactory.fleet.policy import Policy

        policy = Policy(options.configure(home, devices=devices).fleet)
        with open_driver() as driver:
            box = driver.look()
        policy.devices.require(box)
        held = holders(machine_wide())
        verdicts = {role: policy.judge(box, role, time.monotonic(), held, own=()) for role in Role}
        return CommandResult(
            data=_data(box, policy, verdicts), render=lambda console: _render(box, policy, verdicts, console)
        )

    run("gpu plan", body, json=json)


def _data(box: Box, policy: Policy, plan: Plan) -> dict[str, Any]:
    return {
        "devices": policy.devices.asked,
        "problem": box.problem,
        "roles": [
            {
                "role": role,
                "needed_mb": policy.needs_mb(role),
                "devices": [
                    {"device": v.device.name, "uuid": v.device.uuid, "eligible": v.eligible, "reason": v.reason}
                    for v in verdicts
                ],
            }
            for role, verdicts in plan.items()
        ],
    }


def _render(box: Box, policy: Policy, plan: Plan, console: Console) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from ragfactory.cli.gpu.table import short_name

    names = {card.uuid: short_name(card) for card in box.cards}
    for role, verdicts in plan.items():
        console.print(Text.assemble((role, "bold"), f"  {_PURPOSES[role]}: {policy.needs_mb(role):,} MiB of a card"))
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        for verdict in verdicts:
            mark = Text("yes", "green") if verdict.eligible else Text("no", "yellow")
            name = "" if verdict.device.uuid is None else names[verdict.device.uuid]
            table.add_row(mark, verdict.device.name, Text(on_one_line(name)), Text(on_one_line(verdict.reason)))
        console.print(Padding(table, (0, 0, 1, 2)))
