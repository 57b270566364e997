"""The tables of `ragfactory gpu status`: the cards, what there is to say of some of them, and their processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ragfactory.cli.text import on_one_line
from ragfactory.fleet.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from ragfactory.fleet.model import Box, Card
    from ragfactory.fleet.state import CardState

_WIDE = 110
_BAR_WIDE, _BAR_NARROW, _NAME_NARROW = 20, 6, 14  # the longest names and numbers of cards then fit into 80 columns
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


def short_name(card: Card) -> str:
    """A card's name without its maker's, such as `RTX 3060 Ti`."""
    return card.name.removeprefix("NVIDIA ").removeprefix("GeForce ")


def _parts(box: Box, states: list[CardState], *, wide: bool) -> Iterator[RenderableType]:
    if box.driver:
        yield Text(f"NVIDIA driver {on_one_line(box.driver)}" + (f", CUDA {box.cuda}" if box.cuda else ""))
    if box.problem:
        yield Text(f"{on_one_line(box.problem)}; work is done on the CPU")
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
    table.add_column("card", no_wrap=True, overflow="ellipsis", max_width=None if wide else _NAME_NARROW)
    for name in ("temp °C", "use %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("memory MiB", no_wrap=True)
    for name in ("power W", "fan %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    room = max(len(str(state.card.total_mb)) for state in states)
    for state in states:
        card = state.card
        table.add_row(
            str(card.index),
            Text(on_one_line(card.name if wide else short_name(card))),
            _temperature(card),
            _number(card.utilization_pct),
            _memory(card, bar=_BAR_WIDE if wide else _BAR_NARROW, room=room),
            _of(card.power_w, card.power_limit_w),
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
    """A bar and numbers, such as `████░░ 5500/8192`."""
    if card.problem:
        return Text(_UNTOLD)
    used = card.used_mb / card.total_mb if card.total_mb else 0.0
    full = min(round(used * bar), bar)
    style = "red" if used > 0.9 else "green"
    return Text.assemble(("█" * full, style), ("░" * (bar - full), "dim"), f" {card.used_mb:>{room}}/{card.total_mb}")


def _temperature(card: Card) -> Text:
    share = card.temperature_c / card.limit_c if card.temperature_c and card.limit_c else 0.0
    style = "red" if share >= 0.9 else "yellow" if share >= 0.8 else ""
    return Text(_of(card.temperature_c, card.limit_c), style)


def _of(value: float | None, limit: float | None) -> str:
    """A value against its limit, such as `41/93`."""
    if value is None:
        return _UNTOLD
    return f"{value:.0f}/{_UNTOLD if limit is None else f'{limit:.0f}'}"


def _number(value: int | None) -> str:
    return _UNTOLD if value is None else str(value)
