"""What a run shows while it goes on: bars on a terminal, timed lines elsewhere. Both listen to the run's events."""

from __future__ import annotations

import time
from collections import deque
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from ragfactory import events
from ragfactory.cli.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Group, RenderableType
    from rich.progress import Progress, TaskID

    from ragfactory.cli.gpu.look import LiveCards
    from ragfactory.cli.output import Output
    from ragfactory.config import Fleet
    from ragfactory.events import Event, Listener

_LINE_EVERY_S = 5.0
_RECENT = 8  # pieces of work that a device's rate is told of


@contextmanager
def show_progress(output: Output, fleet: Fleet) -> Iterator[Listener]:
    """A listener that shows a run's progress on standard error: bars over the table of cards when that is a terminal."""
    if not output.errors.is_terminal:
        yield _Lines(output)
        return
    from rich.console import Group
    from rich.live import Live
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ragfactory.cli.gpu.look import LiveCards
    from ragfactory.fleet.policy import Policy

    columns = (
        TextColumn("{task.description:<7}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", style="dim"),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=output.errors)
    cards, rates, contexts = LiveCards(Policy(fleet)), _Rates(), ContextCounts()
    bars = _Bars(progress, cards, contexts)
    with Live(Group(progress, contexts, rates, cards), console=output.errors, transient=True), closing(cards):

        def listen(event: Event) -> None:
            bars(event)
            rates(event)

        yield listen


class _Rates:
    """How fast each device works: tokens a second over its last pieces of work; and which servers fail and are tried again."""

    def __init__(self) -> None:
        self._recent: dict[tuple[str, str], deque[tuple[int, float]]] = {}
        self._troubles: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, events.Worked):
            self._troubles.pop(event.device, None)
            if event.tokens:
                of_device = self._recent.setdefault((event.role, event.device), deque(maxlen=_RECENT))
                of_device.append((event.tokens, event.seconds))
        elif isinstance(event, events.Troubled):
            self._troubles[event.device] = event.reason

    def __rich__(self) -> Group:
        """What rich draws: the rates side by side, or nothing before there is work, and a line for each server in trouble."""
        from rich.columns import Columns
        from rich.console import Group
        from rich.text import Text

        rates = []
        for (role, device), recent in sorted(dict(self._recent).items()):
            tokens, seconds = map(sum, zip(*list(recent), strict=True))
            rates.append(
                Text(f"{role} {device} {tokens / max(seconds, 1e-9):,.0f} tokens/s", style="dim", no_wrap=True)
            )
        troubles = [
            Text(f"{device} is tried again: {reason}", style="dim") for device, reason in dict(self._troubles).items()
        ]
        return Group(*([Columns(rates, padding=(0, 3))] if rates else []), *troubles)


class ContextCounts:
    """How far contexts of a language model are: the chunks that are `done`, of the `total` that want one."""

    def __init__(self) -> None:
        self.total = 0
        self._whole = 0  # chunks of documents that are done
        self._partly = 0  # answers for documents that are not
        self._wanted: dict[tuple[str, str], int] = {}
        self._answered = self._again = self._analyses = self._kept = self._missing = 0

    def __call__(self, event: Event) -> None:
        """Take an event into account."""
        match event:
            case events.Prepared(prompts=prompts) if prompts:
                self._wanted[event.root, event.doc_id] = prompts
                self.total += prompts
            case events.Retyped():
                self.total -= self._wanted.pop((event.root, event.doc_id))
            case events.Asked(analysis=True):
                self._analyses += event.prompts
            case events.Asked():
                self._answered += event.prompts
                self._again += event.prompts * event.again
                self._partly += event.prompts * event.settled
            case events.Enriched():
                self._whole += self._wanted.pop((event.root, event.doc_id), 0) - event.missing
                self._missing += event.missing
                self._partly = max(0, self._partly - event.written - event.refused)
                self._kept += event.found

    def __rich__(self) -> RenderableType:
        """What rich draws: the words, on a line of their own since a bar has no room for them, or nothing where none is wanted."""
        from rich.console import Group
        from rich.text import Text

        return Text(f"contexts: {self}", style="dim") if self.total else Group()

    @property
    def done(self) -> int:
        """Those of documents that are done, and those of others whose answer is there."""
        return min(self.total, self._whole + self._partly)

    def __str__(self) -> str:
        """What came of the asking so far, in words."""
        others = {
            "asked again": self._again,
            "kept": self._kept,
            "analysed": self._analyses,
            "in flight": self.total - self.done - self._missing,
            "left to the next run": self._missing,
        }
        return ", ".join([counted(self._answered, "answer"), *(f"{n:,} {what}" for what, n in others.items() if n)])


class _Bars:
    """A bar a stage. Chunks and indexes become known only as files are read, so the totals of their bars grow."""

    def __init__(self, progress: Progress, cards: LiveCards, enriching: ContextCounts) -> None:
        self._progress = progress
        self._cards = cards
        self._files: TaskID | None = None
        self._contexts: TaskID | None = None
        self._chunks: TaskID | None = None
        self._indexes: TaskID | None = None
        self._known = 0
        self._enriching = enriching
        self._touched: set[str] = set()

    def __call__(self, event: Event) -> None:
        self._enrich(event)
        match event:
            case events.Scanned():
                if event.to_process:
                    self._cards.start()
                self._files = self._progress.add_task("read", total=event.to_process, rate="")
                self._contexts = self._progress.add_task("enrich", total=None, rate="", visible=False)
                self._chunks = self._progress.add_task("embed", total=None, rate="")
                self._indexes = self._progress.add_task("publish", total=None, rate="")
            case events.Prepared():
                self._advance(self._files, 1)
            case events.Failed():
                self._advance(self._files, 1)
            case events.Retyped():
                self._advance(self._files, -1)
            case events.Assembled():
                self._known += event.made
                self._touched.add(event.index)
                self._expect(self._chunks, self._known)
                self._expect(self._indexes, len(self._touched))
            case events.Worked(role="embed"):
                self._advance(self._chunks, event.items)
            case events.Published():
                self._advance(self._indexes, 1)

    def _enrich(self, event: Event) -> None:
        counts = self._enriching
        counts(event)
        if self._contexts is not None and counts.total:
            self._progress.update(self._contexts, completed=counts.done, total=counts.total, visible=True)
            self._advance(self._contexts, 0)

    def _expect(self, task: TaskID | None, total: int) -> None:
        if task is not None:
            self._progress.update(task, total=total)

    def _advance(self, task: TaskID | None, steps: int) -> None:
        if task is not None:
            speed = self._progress.tasks[task].speed
            self._progress.update(task, advance=steps, rate=f"{speed:,.1f}/s" if speed else "")


class _Lines:
    """A line now and then, with the time since the start: what a log file or a cron mail needs."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._started = time.monotonic()
        self._last = self._started
        self._files = self._total = self._embedded = self._known = 0
        self._enriching = ContextCounts()

    def __call__(self, event: Event) -> None:
        self._enriching(event)
        match event:
            case events.Scanned():
                self._total = event.to_process
                self._say(
                    f"{counted(event.seen, 'file')}: {event.to_process} to read, {event.unchanged} unchanged, {event.removed} gone"
                )
            case events.Prepared():
                self._files += 1
                self._say_now_and_then()
            case events.Failed():
                self._files += 1
                self._say_now_and_then()
            case events.Retyped():
                self._files -= 1
            case events.Assembled():
                self._known += event.made
            case events.Asked():
                self._say_now_and_then()
            case events.Worked(role="embed"):
                self._embedded += event.items
                self._say_now_and_then()
            case events.Published():
                self._say(f"published {event.index} version {event.version:06d}")
            case _:
                self._tell_of_devices(event)

    def _tell_of_devices(self, event: Event) -> None:
        match event:
            case events.Troubled():
                self._say(f"{event.device} is tried again: {event.reason}")
            case events.Rested():
                self._say(f"{event.device} rests: {event.reason}")
            case events.Resumed():
                self._say(f"{event.device} works again")
            case events.Benched():
                self._say(f"{event.device} gets no more work: {event.reason}")
            case events.WorkerLost():
                self._say(f"{event.device} lost its worker: {event.reason}")
            case events.FellBack():
                self._say(f"the CPU takes over: {event.reason}")

    def _say_now_and_then(self) -> None:
        if time.monotonic() - self._last >= _LINE_EVERY_S:
            counts = self._enriching
            contexts = (
                f", enriched {counts.done} of {counted(counts.total, 'chunk')} ({counts})" if counts.total else ""
            )
            self._say(
                f"read {self._files} of {counted(self._total, 'file')}{contexts},"
                f" embedded {self._embedded} of {counted(self._known, 'chunk')} so far"
            )

    def _say(self, message: str) -> None:
        self._last = time.monotonic()
        self._output.note(f"{self._last - self._started:7.1f} s", message)
