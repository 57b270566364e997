"""The scheduler: it has every device that may work pull batches, and answers whatever goes wrong with one of them."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Self

from ragfactory import events
from ragfactory.fleet.process import Job, Patience, WorkerProcess, end_all
from ragfactory.fleet.roster import Roster
from ragfactory.fleet.station import Station, Totals, shares
from ragfactory.fleet.work import Backlog, Batch, ItemError, after_failure, after_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping, Sequence

    from ragfactory.events import Listener
    from ragfactory.fleet.frames import Frame
    from ragfactory.fleet.model import Role
    from ragfactory.fleet.roster import Devices
    from ragfactory.fleet.work import Item

BATCH_TOKENS = 8192
_TICK_S = 0.05
_FINISH_S = 5.0

Answer = bytes | ItemError


class Fleet:
    """Workers on all devices that may work. They start when there is work, and stay until `unload` or `close`.

    It is used by one thread, which outlives it.
    """

    def __init__(
        self,
        job: Job,
        devices: Devices,
        emit: Listener,
        *,
        batch_tokens: int = BATCH_TOKENS,
        check_s: float = 5.0,
        cool_down_s: float = 60.0,
        patience: Patience | None = None,
    ) -> None:
        """`batch_tokens` is the largest batch, padding included; `devices` is asked every `check_s` seconds. Where no card may
        work for `cool_down_s` seconds, the CPU does.
        """
        self._job = job
        self._emit = emit
        self._patience = patience or Patience()
        self._roster = Roster(
            devices, job.role, emit, batch_tokens=batch_tokens, check_s=check_s, cool_down_s=cool_down_s
        )
        self._backlog = Backlog()
        self._missing: set[str] = set()
        self._answers: dict[str, Answer] = {}
        self._ends = 0.0

    def map(self, items: Sequence[Item]) -> list[Answer]:
        """The answer to each item, in order, or why it has none; see `answers`."""
        found = {key: answer for some in self.answers(items) for key, answer in some.items()}
        return [found[item.key] for item in items]

    def answers(self, items: Sequence[Item]) -> Generator[Mapping[str, Answer]]:
        """The answers to these items alone, some at a time as they come. Raises what `poll` raises."""
        self.submit(items)
        try:
            while self.is_busy:
                if some := self.poll(_TICK_S):
                    yield some
        finally:
            self.stop()

    def submit(self, items: Sequence[Item]) -> None:
        """Take items in, whose keys are unique among those under way; `poll` has the work done and gives the answers."""
        if not self._missing:  # workers that died or hang since the last time do so over no work
            while self._listen(timeout_s=0):
                pass
            self._give_up_late()
        self._backlog.add(items)
        self._missing.update(item.key for item in items)

    def poll(self, timeout_s: float) -> Mapping[str, Answer]:
        """The answers that came since the last time, by the items' keys: each item has one, or why it has none.

        It waits up to `timeout_s` seconds for workers to say something. Nothing is given out in between, so it wants to be called
        several times a second. Raises DeviceUnavailableError when no device is left that could work, the CPU included.
        """
        if not self.is_busy:
            return {}
        self._roster.look(self._job.log)
        self._heed_roster()
        self._hand_out()
        self._listen(timeout_s)
        self._give_up_late()
        some, self._answers = self._answers, {}
        if some:
            assert some.keys() <= self._missing, "every item has one answer"
            self._missing -= some.keys()
            self._ends = time.monotonic() + _FINISH_S
        self._rest_when_done()
        return some

    def stop(self) -> None:
        """Give up what is under way; workers that are still at it are ended."""
        self._end_busy()
        self._backlog = Backlog()
        self._missing.clear()
        self._answers = {}
        self._roster.note_idle()

    @property
    def under_way(self) -> int:
        """How many items have no answer yet."""
        return len(self._missing)

    @property
    def is_busy(self) -> bool:
        """Whether an answer is still to come, or a worker that has answered everything is to say that it is done, for which it has
        a moment.
        """
        return bool(self._missing) or (
            time.monotonic() < self._ends
            and any(station.worker is not None and station.worker.batch is not None for station in self._roster)
        )

    @property
    def role(self) -> Role:
        """What its workers' model does."""
        return self._job.role

    @property
    def is_loaded(self) -> bool:
        """Whether it has a worker."""
        return any(station.processes for station in self._roster)

    @property
    def totals(self) -> Mapping[str, Totals]:
        """What each device that worked has done so far, by its name."""
        return {station.name: station.totals for station in self._roster if station.totals.items}

    def unload(self, cards: Collection[str] | None = None) -> None:
        """End the workers on `cards` (by UUID), or all, so that others can have the devices; the next work starts new ones."""
        stations = [station for station in self._roster if cards is None or station.device.uuid in cards]
        end_all([process for station in stations for process in station.processes])
        for station in stations:
            station.worker = None
            station.leaving.clear()
            self._roster.release(station)

    def close(self) -> None:
        """End all workers."""
        self.unload()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rest_when_done(self) -> None:
        if not self.is_busy:
            self.stop()

    def _heed_roster(self) -> None:
        """Take work, and the worker where it is of no more use, from devices that may not work any more."""
        for station in self._roster:
            if station.lost and station.worker is not None:
                self._lose(station, "the card is lost")
            if not station.may_work:
                self._release(station)
            if station.benched and station.worker is not None and station.worker.batch is None:
                station.part_with_worker()

    def _hand_out(self) -> None:
        working = self._roster.working()
        names = [station.name for station in working]
        share = shares(working)
        for station in working:
            if station.is_free:
                batch = station.next_of_its_own() or self._backlog.take(
                    station.name, names, share=share[station.name], limit=station.limit
                )
                if batch is not None:
                    self._give(station, batch)
        self._help_stranded(names)

    def _help_stranded(self, working: list[str]) -> None:
        """Have the CPU do work that nothing else is left for."""
        cpu = self._roster.cpu
        if not (cpu.is_free or cpu.benched):
            return
        batch = self._backlog.take_stranded(working)
        if batch is None:
            return
        if cpu.benched:
            self._fail(batch, f"{_trouble(batch)}, and the CPU cannot do it")
            return
        if not cpu.may_work:
            self._emit(events.FellBack(f"one item of {batch.tokens} tokens: {_trouble(batch)}"))
        self._give(cpu, batch)

    def _give(self, station: Station, batch: Batch) -> None:
        if station.worker is None:
            if not self._roster.claim(station):
                self._backlog.give_back(batch)
                return
            station.worker = WorkerProcess(station.device, self._job, self._patience)
        self._roster.note(station, batch.items[0].document)
        station.worker.give(batch)

    def _listen(self, timeout_s: float) -> bool:
        """Wait a moment for workers, and take in what they send. False when there was nothing."""
        poll = select.poll()
        by_descriptor = {}
        for station in self._roster:
            if (worker := station.worker) is not None:
                by_descriptor[worker.socket.fileno()] = station
                poll.register(worker.socket, select.POLLIN | (select.POLLOUT if worker.wants_to_write else 0))
        happenings = poll.poll(timeout_s * 1000)
        for descriptor, happened in happenings:
            worker = by_descriptor[descriptor].worker
            assert worker is not None, "nothing has ended it since"
            if happened & select.POLLOUT:
                worker.flush()
            if happened & ~select.POLLOUT:
                self._hear(by_descriptor[descriptor], worker)
        return bool(happenings)

    def _hear(self, station: Station, worker: WorkerProcess) -> None:
        try:
            frames = worker.receive()
        except EOFError:
            self._lose(station, f"its process ended: {worker.death()}")
            return
        except ValueError as error:
            self._lose(station, f"it sent what is no answer: {error}")
            return
        for frame in frames:
            if frame.kind == "piece":
                self._emit(events.Wrote(station.name, frame.data["text"]))
            else:
                self._take_in(station, worker, frame)

    def _take_in(self, station: Station, worker: WorkerProcess, frame: Frame) -> None:
        match frame.kind:
            case "ready":
                self._emit(events.WorkerStarted(station.name, frame.data["seconds"]))
            case "answer":
                item = worker.answered(frame.data["position"])
                self._answers[item.key] = frame.parts[0]
            case "done":
                self._done(station, worker, frame)
            case "oom":
                if batch := worker.take_batch():
                    self._shrink(station, batch, frame.data["message"])
            case "error":
                if batch := worker.take_batch():
                    self._redo(station, batch, frame.data["message"], deadly=False)
            case "unloadable":
                self._lose(station, frame.data["message"])
                if frame.data["final"]:
                    self._roster.bench(station, frame.data["message"], hint=frame.data["hint"])
            case "broken":
                self._lose(station, frame.data["message"])
            case "left":
                self._let_go(station)

    def _done(self, station: Station, worker: WorkerProcess, frame: Frame) -> None:
        batch = worker.batch
        assert batch is not None, "a worker is done with the batch that it has"
        unanswered = worker.take_batch()
        if unanswered is not None:
            for item, answer in zip(unanswered.items, frame.parts, strict=True):
                self._answers[item.key] = answer
        seconds = frame.data["seconds"]
        station.strikes = 0
        station.totals.items += len(batch.items)
        station.totals.tokens += batch.tokens
        station.totals.seconds += seconds
        self._emit(events.Worked(station.name, self._roster.role, len(batch.items), batch.tokens, seconds))
        for name in batch.failed_on:  # the work was harmless, so the device was to blame
            self._roster.strike(self._roster[name], "it failed over work that was done elsewhere")

    def _shrink(self, station: Station, batch: Batch, reason: str) -> None:
        again = after_out_of_memory(batch, station.name)
        if not again:
            self._fail(batch, f"out of memory on {', '.join((*batch.cramped_on, station.name))}")
            return
        self._emit(events.Retried(station.name, len(batch.items), reason))
        if batch.is_lone:
            self._backlog.give_back(again[0])
        else:
            station.limit = max(1, batch.padded // 2)
            station.todo.extendleft(reversed(again))

    def _redo(self, station: Station, batch: Batch, reason: str, *, deadly: bool) -> None:
        """Have a batch done again that failed, or that ended its worker."""
        again = after_failure(batch, station.name, deadly=deadly)
        if not again:
            self._fail(batch, f"no worker could do it: {reason}")
            return
        self._emit(events.Retried(station.name, len(batch.items), reason))
        for part in again:
            self._backlog.give_back(part)

    def _fail(self, batch: Batch, message: str) -> None:
        for item in batch.items:
            self._answers[item.key] = ItemError(item.key, message)

    def _lose(self, station: Station, reason: str) -> None:
        """Give a worker up, and do its work again. A device whose worker could not even load has a strike for it."""
        assert station.worker is not None, "there is a worker to lose"
        loaded = station.worker.is_ready
        batch = station.part_with_worker()
        self._emit(events.WorkerLost(station.name, reason))
        self._roster.look_again()
        self._release(station)
        if batch is None:
            return
        if loaded and not station.lost:
            self._redo(station, batch, reason, deadly=True)
            return
        self._emit(events.Retried(station.name, len(batch.items), reason))
        self._backlog.give_back(batch)
        self._roster.pause(station)
        if not station.lost:
            self._roster.strike(station, reason)

    def _let_go(self, station: Station) -> None:
        """Take leave of a worker that had nothing to do for long; what it was given meanwhile goes to another."""
        batch = station.part_with_worker()
        if batch is not None:
            self._backlog.give_back(batch)
        self._roster.release(station)

    def _give_up_late(self) -> None:
        for station in self._roster:
            if station.worker is not None and (reason := station.worker.lateness()):
                self._lose(station, f"it hangs: {reason}")
            elif station.is_stuck:
                self._roster.bench(station, "its worker cannot be ended")

    def _release(self, station: Station) -> None:
        """Let other devices do what this one had before it."""
        while station.todo:
            self._backlog.give_back(station.todo.pop())

    def _end_busy(self) -> None:
        """After a run that was cut short: end the workers that are still at it, so that nothing of it is left."""
        for station in self._roster:
            station.todo.clear()
            if station.worker is not None and station.worker.batch is not None:
                station.part_with_worker()


def _trouble(batch: Batch) -> str:
    if batch.cramped_on:
        return f"out of memory on {', '.join(batch.cramped_on)}"
    return f"it failed on {', '.join(batch.failed_on)}"
