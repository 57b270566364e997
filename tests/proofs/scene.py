"""A home over a folder that changed since the last run, and what must hold of it when the next run does not go well."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from ragfactory.errors import ExitCode
from tests.conftest import Workplace
from tests.proofs.changing_library import ChangingLibrary
from tests.proofs.oracle import Oracle

if TYPE_CHECKING:
    from pathlib import Path

    from tests.proofs.accidents import Accident, Ending, Victims

SEED = 11


@dataclass(frozen=True)
class Scene:
    """A home, its folder, and the oracle that knows what the folder held at every run."""

    workplace: Workplace
    library: ChangingLibrary
    oracle: Oracle
    victims: Victims

    @classmethod
    def set(cls, folder: Path, victims: Victims) -> Scene:
        """A home with two versions behind it, over a folder that changed since."""
        workplace = Workplace(folder)
        library = ChangingLibrary(workplace.docs, workplace.config.config_dir / "profiles", Random(SEED))
        scene = cls(workplace, library, Oracle(workplace.config), victims)
        for _ in range(2):
            scene.assert_finished()
            for _ in range(3):
                library.change()
        return scene

    def copied_to(self, home: Path) -> Scene:
        """The same over a copy of the home."""
        shutil.copytree(self.workplace.config.home, home)
        workplace = Workplace(self.workplace.path)
        workplace.config = workplace.config.model_copy(update={"home": home})
        return Scene(workplace, self.library, self.oracle.of_copy(workplace.config), self.victims)

    def ingest(self, accident: Accident | None = None) -> Ending:
        """Take the folder in, or try to."""
        ending = self.victims.wait(self.start("--quiet", accident=accident), accident)
        assert ending is not None
        return ending

    def start(self, *options: str, accident: Accident | None = None) -> int:
        """Begin to take the folder in, and return the run's process id."""
        arguments = ("ingest", self.workplace.docs, "--allow-shrink", *options)
        return self.victims.start(self.workplace, *arguments, accident=accident)

    def assert_harmless(self) -> None:
        """Find everything as it was before the run that failed, or, of an index that it published, as the folder has it."""
        assert self.oracle.after_run(self.library.documents, done=False) == []

    def assert_finished(self) -> None:
        """Take the folder in and find everything as the folder has it."""
        ending = self.ingest()
        assert (ending.status, ending.output) == (ExitCode.OK, "")
        assert self.oracle.after_run(self.library.documents, done=True) == []
