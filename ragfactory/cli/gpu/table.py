"""The tables of `ragfactory gpu status`: the cards, what there is to say of some of them, and their processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ragfactory.cli.output import on_one_line
from ragfactory.fleet.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from ragfactory.fleet.model import Box, Card
    from ragfactory.fleet.state import CardState

_WIDE = 110
_STYLES = {
    State.IDLE: "dim",
    State.WORKING: "green",
    State.LEASED: "cyan",
    State.RESTING: "yellow",
    State.BENCHED: "bold red",
    State.LOST: "bold red",
}
_UNTOLD = "-"


def status_table(box: Box, states: list[CardState], width: int) -> Group:
    """All there is to see on a terminal of that width. What colours say, words and numbers say too."""
    return Group(*_parts(box, states, wide=width >= _WIDE))


def _parts(box: Box, states: list[CardState], *, wide: bool) -> Iterator[RenderableType]:
    if box.driver:
        yield Text(f"NVIDIA driver {on_one_line(box.driver)}" + (f", CUDA {box.cuda}" if box.cuda else ""))
    if box.problem:
        yield Text(f"{on_one_line(box.problem)}: work is done on the CPU")
        return
    yield Text()
    yield _cards(states, wide=wide)
    notes = [state for state in states if state.reason and not any(process.work for process in state.card.processes)]
    if notes:
        yield Text()
        yield _notes(notes)
    if any(state.card.processes for state in states):
        yield Text()
        yield _processes(states)


def _cards(states: list[CardState], *, wide: bool) -> Table:
    table = _table()
    table.add_column("#", justify="right")
    table.add_column("card", no_wrap=True, overflow="ellipsis")
    for name in ("temp °C", "use %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("memory MiB", no_wrap=True)
    for name in ("power W", "fan %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    room = max(len(str(state.card.total_mb)) for state in states)
    for state in states:
        card = state.card
        name = on_one_line(card.name)
        table.add_row(
            str(card.index),
            Text(name if wide else name.removeprefix("NVIDIA ").removeprefix("GeForce ")),
            _of(card.temperature_c, card.limit_c, room=3),
            _number(card.utilization_pct),
            _memory(card, bar=20 if wide else 8, room=room),
            _of(card.power_w, card.power_limit_w, room=3),
            _number(card.fan_pct),
            Text(state.state, _STYLES[state.state]),
        )
    return table


def _notes(states: list[CardState]) -> Table:
    table = _table(header=False)
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for state in states:
        table.add_row(str(state.card.index), Text(on_one_line(state.reason or ""), _STYLES[state.state]))
    return table


def _processes(states: list[CardState]) -> Table:
    table = _table()
    table.add_column("#", justify="right")
    table.add_column("process", justify="right")
    table.add_column("MiB", justify="right")
    table.add_column("program", no_wrap=True, overflow="ellipsis", max_width=20)
    table.add_column("work", overflow="fold")
    for state in states:
        for process in state.card.processes:
            program, work = Text(on_one_line(process.name)), Text(on_one_line(process.work or ""), "green")
            table.add_row(str(state.card.index), str(process.pid), _number(process.used_mb), program, work)
    return table


def _table(*, header: bool = True) -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=header, header_style="bold")


def _memory(card: Card, *, bar: int, room: int) -> Text:
    """A bar and numbers, such as `██████░░ 6100/8192`."""
    if card.problem:
        return Text(_UNTOLD)
    used = card.used_mb / card.total_mb if card.total_mb else 0.0
    full = min(round(used * bar), bar)
    style = "red" if used > 0.9 else "green"
    return Text.assemble(("█" * full, style), ("░" * (bar - full), "dim"), f" {card.used_mb:>{room}}/{card.total_mb}")


def _of(value: float | None, limit: float | None, *, room: int) -> str:
    """A value against its limit, such as `41/93`."""
    if value is None:
        return _UNTOLD
    return f"{value:.0f}/{limit:{room}.0f}" if limit is not None else f"{value:.0f}" + " " * (room + 1)


def _number(value: int | None) -> str:
    return _UNTOLD if value is None else str(value)
