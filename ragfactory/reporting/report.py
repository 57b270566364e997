"""The run report: what a run saw, did and published, put together from the events of the run."""

from __future__ import annotations

import re
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from ragfactory import events
from ragfactory.errors import ExitCode, ShrunkFolderError, VanishedFolderError

if TYPE_CHECKING:
    from ragfactory.events import Event

_MOST_INCIDENTS = 1000
_NO_FILES = frozenset(
    {VanishedFolderError.code, ShrunkFolderError.code}
)  # told of folders whose documents are all kept


@dataclass(slots=True)
class StageTotals:
    """What one stage did: `seconds` of work, which stages do at the same time, so they do not add up to the run's."""

    items: int = 0
    seconds: float = 0.0
    tokens: int = 0


@dataclass(slots=True)
class DeviceTotals:
    """What one device did: items and tokens of its work and the `seconds` that it was at it.

    `retried` counts items that it did not do and that were done again, `workers_lost` processes that died or hung, `rests` how
    often it was given no work for a while; `benched` is why it got none any more.
    """

    items: int = 0
    seconds: float = 0.0
    tokens: int = 0
    retried: int = 0
    workers_lost: int = 0
    rests: int = 0
    benched: str | None = None


def _in_order(name: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts numbers in names as numbers: gpu2 before gpu10."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def new_run_id() -> str:
    """The name of a run: when it began, and something to tell it from another that began then."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


@dataclass(slots=True)
class RunReport:
    """A listener that sums up a run, over all projects that it looks after."""

    run_id: str = field(default_factory=new_run_id)
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    seconds: float = 0.0
    files_seen: int = 0
    files_added: int = 0
    files_changed: int = 0
    files_moved: int = 0
    files_removed: int = 0
    files_unchanged: int = 0
    files_left: int = 0
    files_skipped: dict[str, int] = field(default_factory=dict)
    failed: list[dict[str, str | None]] = field(default_factory=list)
    failed_before: list[dict[str, Any]] = field(default_factory=list)
    pages: int = 0
    chunks_made: int = 0
    chunks_reused: int = 0
    chunks_deduplicated: int = 0
    chunks_windowed: int = 0
    contexts_found: int = 0
    contexts_written: int = 0
    contexts_refused: int = 0
    contexts_missing: int = 0
    vectors_recovered: int = 0
    types: dict[str, int] = field(default_factory=dict)
    retyped: list[dict[str, str]] = field(default_factory=list)
    stages: dict[str, StageTotals] = field(
        default_factory=lambda: {name: StageTotals() for name in ("parse", "chunk", "enrich", "embed", "publish")}
    )
    devices: dict[str, DeviceTotals] = field(default_factory=dict)
    incidents: list[dict[str, str]] = field(default_factory=list)
    published: list[dict[str, Any]] = field(default_factory=list)
    planned: dict[str, list[str]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        """Take an event into account."""
        match event:
            case events.Scanned():
                self.files_seen += event.seen
                self.files_unchanged += event.unchanged
            case events.Failed():
                self.failed.append(
                    {
                        "root": event.root,
                        "path": event.doc_id,
                        "code": event.code,
                        "message": event.message,
                        "hint": event.hint,
                    }
                )
            case events.Kept():
                self.files_unchanged += 1
            case events.Left():
                self.files_left += 1
            case events.Stored():
                counter = f"files_{event.change}"
                setattr(self, counter, getattr(self, counter) + 1)
            case events.Recovered():
                self.vectors_recovered += event.vectors
            case events.Published():
                self._add("publish", 1, event.seconds)
                self.published.append(
                    {
                        "index": event.index,
                        "version": event.version,
                        "documents": event.documents,
                        "chunks": event.chunks,
                    }
                )
            case events.Notice():
                told = self.alarms if event.alarm else self.notices
                told.append(f"{event.doc_id}: {event.message}" if event.doc_id else event.message)
            case _:
                self._note_work(event)

    def _note_work(self, event: Event) -> None:
        match event:
            case events.Prepared():
                self._add("parse", 1, event.parse_s)
                self._add("chunk", event.chunks, event.chunk_s)
                self.pages += event.pages or 0
                self.types[event.document_type] = self.types.get(event.document_type, 0) + 1
            case events.Retyped():
                self.types[event.before] -= 1
                self.retyped.append(
                    {"root": event.root, "path": event.doc_id, "from": event.before, "to": event.document_type}
                )
            case events.Assembled():
                self.chunks_made += event.made
                self.chunks_reused += event.reused
                self.chunks_deduplicated += event.deduplicated
            case events.Enriched():
                self.contexts_found += event.found
                self.contexts_written += event.written
                self.contexts_refused += event.refused
                self.contexts_missing += event.missing
            case events.Asked():
                self._add("enrich", 0 if event.analysis else event.prompts, event.seconds)
                self.stages["enrich"].tokens += event.read + event.written
            case events.Embedded():
                self._add("embed", event.chunks, event.seconds)
                self.stages["embed"].tokens += event.tokens
                self.chunks_windowed += event.windowed
            case _:
                self._note_device(event)

    def _note_device(self, event: Event) -> None:
        match event:
            case events.Worked():
                totals = self._device(event.device)
                totals.items += event.items
                totals.tokens += event.tokens
                totals.seconds += event.seconds
            case events.Retried():
                self._device(event.device).retried += event.items
                self._note_incident(event.device, "retried", event.reason)
            case events.WorkerLost():
                self._device(event.device).workers_lost += 1
                self._note_incident(event.device, "worker_lost", event.reason)
            case events.Troubled():
                self._note_incident(event.device, "troubled", event.reason)
            case events.Rested():
                self._device(event.device).rests += 1
                self._note_incident(event.device, "rested", event.reason)
            case events.Benched():
                self._device(event.device).benched = event.reason
                self._note_incident(event.device, "benched", event.reason)
            case events.FellBack():
                self._note_incident("cpu", "fell_back", event.reason)

    @property
    def exit_code(self) -> ExitCode:
        """OK, PARTIAL when a folder or some files failed, now or before, NOT_PUBLISHED when every file did and nothing else was
        published.
        """
        if not self.failed and not self.failed_before:
            return ExitCode.OK
        files = any(entry["code"] not in _NO_FILES for entry in self.failed) or bool(self.failed_before)
        return ExitCode.NOT_PUBLISHED if files and not (self.good_files or self.published) else ExitCode.PARTIAL

    @property
    def good_files(self) -> int:
        """Files whose documents are right: made by this run, or as they were."""
        return self.files_added + self.files_changed + self.files_moved + self.files_unchanged

    def by_device(self) -> dict[str, DeviceTotals]:
        """What each device did, by name: cards in the order of their numbers."""
        return dict(sorted(self.devices.items(), key=lambda named: _in_order(named[0])))

    def reason(self, device: str, what: str) -> str | None:
        """Why that happened to a device, the last time that is known of."""
        reasons = [entry["reason"] for entry in self.incidents if (entry["device"], entry["what"]) == (device, what)]
        return reasons[-1] if reasons else None

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, as `--json` prints it and `runs/` keeps it."""
        return {**asdict(self), "devices": {name: asdict(totals) for name, totals in self.by_device().items()}}

    def to_json(self) -> bytes:
        """The report as indented JSON."""
        return orjson.dumps(self.to_dict(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def _device(self, name: str) -> DeviceTotals:
        return self.devices.setdefault(name, DeviceTotals())

    def _note_incident(self, device: str, what: str, reason: str) -> None:
        """Remember why, as long as the list is short; the event log has all of it."""
        if len(self.incidents) < _MOST_INCIDENTS:
            self.incidents.append({"device": device, "what": what, "reason": reason})

    def _add(self, stage: str, items: int, seconds: float) -> None:
        self.stages[stage].items += items
        self.stages[stage].seconds += seconds
