"""Runs over a folder that changes are killed again and again, and an oracle looks at what each of them left."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tests.conftest import Workplace
from tests.proofs.accidents import KILLED, AfterSeconds, AtChange, AtStep
from tests.proofs.changing_library import KINDS, ChangingLibrary
from tests.proofs.oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.proofs.accidents import Accident, Victims

STEPS = ("seal", "segments", "lexical", "documents", "manifest", "durable", "rename", "current", "clean")
# About as many changes to the file system as there are.
CHANGES = {"ingest": 120, "reindex": 120, "prune": 60, "rollback": 6}
FINISH_EVERY = 4  # turns, an undisturbed run finishes the job


@dataclass(slots=True)
class Tally:
    """What came of the kills, by where they hit; `published` counts those that came after a new version served."""

    kills: Counter[str] = field(default_factory=Counter)
    published: Counter[str] = field(default_factory=Counter)
    finished: int = 0
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


class KillLoop:
    """One home and one folder, and the runs that die over them. The same seed makes the same folders and the same accidents."""

    def __init__(self, folder: Path, victims: Victims, seed: int) -> None:
        self.tally = Tally()
        self._seed = seed
        self._random = Random(seed)
        self._victims = victims
        self._workplace = Workplace(folder)
        self._library = ChangingLibrary(
            self._workplace.docs, self._workplace.config.config_dir / "profiles", self._random
        )
        self._oracle = Oracle(self._workplace.config)
        self._steps = self._endless_steps()
        self._turn = 0
        self._run_seconds = 1.0

    def run(self, kills: int) -> Tally:
        """Go on until so many runs were killed, and finish the job."""
        started = time.perf_counter()
        self._finish()
        while self.tally.kills.total() < kills:
            self._turn += 1
            kind = self._random.choices(("ingest", "reindex", "prune", "rollback"), weights=(10, 5, 2, 2))[0]
            if kind in {"ingest", "reindex"}:
                self._run(kind)
            else:
                self._upkeep(kind)
            if self._turn % FINISH_EVERY == 0:
                self._finish()
        self._finish()
        self.tally.seconds = time.perf_counter() - started
        return self.tally

    def _run(self, command: str) -> None:
        self._library.change()
        where, accident = self._accident(CHANGES[command])
        folder = (self._workplace.docs,) if command == "ingest" else ()
        before = self._oracle.serving.copy()
        done = self._meet(where, accident, command, *folder, "--allow-shrink", "--quiet")
        self._note(self._oracle.after_run(self._library.documents, done=done), where, accident)
        if not done and self._oracle.serving != before:
            self.tally.published[where] += 1

    def _upkeep(self, command: str) -> None:
        accident = AtChange(self._random.randint(1, CHANGES[command]))
        keep, kind = self._random.randint(1, 3), self._random.choice(KINDS)
        words = ("--keep", str(keep)) if command == "prune" else ("--type", kind)
        self._meet(command, accident, "index", command, *words)
        self._note(self._oracle.after_upkeep(same=command == "prune"), command, accident)

    def _finish(self) -> None:
        started = time.perf_counter()
        done = self._meet("undisturbed", None, "ingest", self._workplace.docs, "--allow-shrink", "--quiet")
        self._run_seconds = time.perf_counter() - started
        self.tally.finished += 1
        self._note(self._oracle.after_run(self._library.documents, done=done), "undisturbed", None)

    def _meet(self, where: str, accident: Accident | None, *arguments: str | Path) -> bool:
        """Run a command, and say whether it was done. One that its accident comes too late for is no kill."""
        ending = self._victims.run(self._workplace, *arguments, accident=accident)
        if ending.status == KILLED:
            self.tally.kills[where] += 1
        elif ending.status != 0 and not (where == "rollback" and "no version before" in ending.output):
            self._note([f"exit status {ending.status}: {ending.output}"], where, accident)
        self._note([f"process {pid} is still there" for pid in ending.orphans], where, accident)
        return ending.status == 0

    def _accident(self, changes: int) -> tuple[str, Accident]:
        """Where to kill a run, in words, and how."""
        form = self._random.choices(("step", "change", "moment"), weights=(5, 3, 2))[0]
        if form == "step":
            step = next(self._steps)
            return f"step {step}", AtStep(step, self._random.choice((1, 1, 1, 2)))
        if form == "change":
            return "any change of the disk", AtChange(self._random.randint(1, changes))
        return "any moment", AfterSeconds(self._random.uniform(0, self._run_seconds))

    def _endless_steps(self) -> Iterator[str]:
        while True:
            yield from self._random.sample(STEPS, len(STEPS))

    def _note(self, violations: list[str], where: str, accident: Accident | None) -> None:
        self.tally.violations += [
            f"seed {self._seed}, turn {self._turn}, {where} {accident}: {violation}" for violation in violations
        ]
