"""`ragfactory gpu plan`: which devices a run would use now, and why."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ragfactory.cli import options
from ragfactory.cli.options import ContextWriter  # noqa: TC001 - typer reads annotations when it runs
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run
from ragfactory.cli.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.config import Config
    from ragfactory.context.llama.planning import Plan
    from ragfactory.fleet.model import Box, Role, Verdict
    from ragfactory.fleet.policy import Policy

_PURPOSES = {"embed": "make vectors", "rerank": "order what was found", "write": "write contexts"}


@dataclass(frozen=True, slots=True)
class RolePlan:
    """What is said of each device for a role, and how the language model, if there is one, would run on those that may work, or why
    it would not. Where `servers` do it, no device does. `note` says for which runs that is.
    """

    role: Role
    needed_mb: int
    verdicts: list[Verdict]
    model: str | None = None
    plans: dict[str, Plan | str] = field(default_factory=dict)
    servers: tuple[str, ...] = ()
    note: str | None = None


def plan(
    devices: options.Devices = None,
    context: ContextWriter = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Say which devices a run would use for what now, in which order, and why each card would or would not work."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.fleet.driver import open_driver
        from ragfactory.fleet.leases import holders, machine_wide
        from ragfactory.fleet.model import Role
        from ragfactory.fleet.policy import Policy

        config = options.configure(home, devices=devices)
        policy = Policy(config.fleet)
        with open_driver() as driver:
            box = driver.look()
        policy.devices.require(box)
        held = holders(machine_wide())

        def judge(role: Role, needed_mb: int) -> list[Verdict]:
            return policy.judge(box, role, time.monotonic(), held, own=(), needed_mb=needed_mb)

        needs = {role: policy.needs_mb(role) for role in Role}
        roles = [RolePlan(role, needs[role], judge(role, needs[role])) for role in (Role.EMBED, Role.RERANK)]
        roles.append(_plan_of_writing(context, config, box, judge, needs[Role.WRITE]))
        absent = policy.absent_preferences(box)
        return CommandResult(
            data=_data(box, policy, roles),
            render=lambda console: _render(box, roles, console),
            warnings=(absent,) if absent else (),
        )

    run("gpu plan", body, json=json)


def _plan_of_writing(
    context: str | None, config: Config, box: Box, judge: Callable[[Role, int], list[Verdict]], needed_mb: int
) -> RolePlan:
    """Who would write contexts in a run with `--context` as given; where it is not, the GGUF for runs that ask for one.

    Raises ConfigError where the servers that are asked for are not configured, ModelUnavailableError where the GGUF is not there,
    is damaged or of an architecture that llama.cpp does not know. Where no run has to use it, that is said of the devices.
    """
    from ragfactory.context.language_models import least_card_mb
    from ragfactory.context.remote.servers import servers_of
    from ragfactory.fleet.model import Role

    if context == "http":
        servers = tuple(server.endpoint.name for server in servers_of(config.context))
        return RolePlan(Role.WRITE, 0, [], config.context.model, servers=servers, note="by servers, on no device here")
    if context in {"structural", "none"}:
        return RolePlan(Role.WRITE, 0, [], note=f"no language model writes contexts (--context {context})")
    wanted = context == "llama" or bool(config.context.gguf)
    model = _find_writer(config, wanted=wanted)
    note = None if context else "where a run asks for it: --context llama, or its index or profile"
    if note and config.context.servers:
        note += "; with --context http, the servers write, and no device here does"
    elif note and model is None:
        note += "; which GGUF is still to be said"
    needed = least_card_mb(model) if model else needed_mb
    verdicts = judge(Role.WRITE, needed)
    plans = _plans(model, verdicts, box, config, wanted=wanted) if model else {}
    return RolePlan(Role.WRITE, needed, verdicts, model.name if model else None, plans, note=note)


def _find_writer(config: Config, *, wanted: bool) -> Path | None:
    """The GGUF that would write contexts, where there is one. Raises ModelUnavailableError where one is wanted and is not there."""
    from ragfactory.context.language_models import gguf_path
    from ragfactory.errors import ModelUnavailableError

    try:
        return gguf_path(config)
    except ModelUnavailableError:
        if wanted:
            raise
        return None


def _plans(model: Path, verdicts: list[Verdict], box: Box, config: Config, *, wanted: bool) -> dict[str, Plan | str]:
    """How the model would be run on each device that may work, or why it cannot be, by the device's name.

    Raises ModelUnavailableError where it is `wanted` and no device could load it.
    """
    from ragfactory.context.gguf_file import require_whole
    from ragfactory.context.llama.memory import free_mb
    from ragfactory.context.llama.model import read_shape
    from ragfactory.context.llama.planning import Wish, plan
    from ragfactory.errors import RagfactoryError

    devices = [verdict.device for verdict in verdicts if verdict.eligible]
    try:
        require_whole(model)
        shape, wish = read_shape(model), Wish(shared=config.context.window)
    except RagfactoryError as error:
        if wanted:
            raise
        return dict.fromkeys((device.name for device in devices), error.on_one_line)
    free = {card.uuid: card.free_mb for card in box.cards}
    found: dict[str, Plan | str] = {}
    for device in devices:
        room = (free_mb("cpu") if device.uuid is None else free[device.uuid]) - config.fleet.keep_free_mb
        try:
            found[device.name] = plan(shape, max(0, room), wish, device="cpu" if device.is_cpu else "cuda")
        except RagfactoryError as error:
            found[device.name] = error.message
    return found


def _data(box: Box, policy: Policy, roles: list[RolePlan]) -> dict[str, Any]:
    return {
        "devices": policy.devices.asked,
        "problem": box.problem,
        "roles": [
            {
                "role": found.role,
                "needed_mb": found.needed_mb,
                "model": found.model,
                "servers": list(found.servers),
                "note": found.note,
                "devices": [_device_data(verdict, found.plans.get(verdict.device.name)) for verdict in found.verdicts],
            }
            for found in roles
        ],
    }


def _device_data(verdict: Verdict, made: Plan | str | None) -> dict[str, Any]:
    return {
        "device": verdict.device.name,
        "uuid": verdict.device.uuid,
        "eligible": verdict.eligible and not isinstance(made, str),
        "reason": made if isinstance(made, str) else verdict.reason,
        "plan": _plan_data(made),
    }


def _plan_data(made: Plan | str | None) -> dict[str, Any] | None:
    if made is None or isinstance(made, str):
        return None
    return {"width": made.width, "context": made.context, "kv": made.kv, "needed_mb": made.needed_mb}


def _render(box: Box, roles: list[RolePlan], console: Console) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from ragfactory.cli.gpu.table import short_name

    names = {card.uuid: short_name(card) for card in box.cards}
    for found in roles:
        by = f" with {on_one_line(found.model)}" if found.model else ""
        needed = f": {found.needed_mb:,} MiB of a card" if found.verdicts else ""
        console.print(Text.assemble((found.role, "bold"), f"  {_PURPOSES[found.role]}{by}{needed}"))
        for line in (*([found.note] if found.note else []), *found.servers):
            console.print(Padding(Text(on_one_line(line)), (0, 0, 0, 2)))
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        for verdict in found.verdicts:
            made = found.plans.get(verdict.device.name)
            works = verdict.eligible and not isinstance(made, str)
            mark = Text("yes", "green") if works else Text("no", "yellow")
            name = "" if verdict.device.uuid is None else names[verdict.device.uuid]
            said = made if isinstance(made, str) else verdict.reason + _in_words(made)
            table.add_row(mark, verdict.device.name, Text(on_one_line(name)), Text(on_one_line(said)))
        console.print(Padding(table, (0, 0, 1, 2)))


def _in_words(made: Plan | None) -> str:
    if made is None:
        return ""
    return f"; {made.width} chunks at a time, {made.context:,} tokens of memory at {made.kv}, {made.needed_mb:,} MiB in all"
