"""The gate: a new version serves only if it answers the profile's questions well enough, and not worse than the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.errors import GateError
from ragfactory.profiles import load_profiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ragfactory.config import Config
    from ragfactory.evaluation.questions import Question
    from ragfactory.profiles import Gate
    from ragfactory.retrieval.search import Searcher
    from ragfactory.store.layout import IndexName
    from ragfactory.store.records import Manifest


class Gatekeeper:
    """Lets a complete version of an index serve, or raises. An index whose profile has no gate is let through."""

    def __init__(self, config: Config) -> None:
        """Read the questions of every profile that has some. Raises ProfileError, QuestionsError."""
        self._config = config
        self._gates: dict[str, tuple[Gate, list[Question]]] = {}
        for name, entry in load_profiles(config.profile_dirs).items():
            gate = entry.profile.gate
            if gate.questions is not None:
                from ragfactory.evaluation.questions import read_questions

                self._gates[name] = gate, read_questions(entry.path.parent / gate.questions)

    def __call__(self, name: IndexName, directory: Path, manifest: Manifest) -> None:
        """Judge the version in `directory` by recall@5 of the fused stage. Raises GateError with its figure and the one before."""
        if name.document_type not in self._gates:
            return
        from ragfactory.retrieval.search import Searcher
        from ragfactory.store.layout import IndexPaths
        from ragfactory.store.version import Version

        gate, questions = self._gates[name.document_type]
        paths = IndexPaths.of(self._config.indexes, name)
        with Searcher({name: Version(directory, manifest)}, self._config) as candidate:
            after = _recall(candidate, questions)
        before = None
        if paths.current_number() is not None:
            with Searcher({name: Version.open(paths, name)}, self._config) as serving:
                before = _recall(serving, questions)
        refusal = _refusal(gate, after, before)
        if refusal is None:
            return
        was = "there is none before it" if before is None else f"the version before has {before:.3f}"
        raise GateError(
            f"{name}: version {manifest.version:06d} is built and does not serve: its recall@5 is {after:.3f}, {was}; {refusal}",
            hint=f"`ragfactory index rollback {manifest.version}` makes it serve all the same",
        )


def _recall(searcher: Searcher, questions: Sequence[Question]) -> float:
    from ragfactory.evaluation.measure import FINAL, evaluate

    return evaluate(searcher, questions, stages=[FINAL]).final.intervals["recall_at_5"].mean


def _refusal(gate: Gate, after: float, before: float | None) -> str | None:
    """What the gate asks for and a recall does not meet, or None."""
    if after < gate.min_recall_at_5:
        return f"min_recall_at_5 is {gate.min_recall_at_5:g}"
    if before is not None and round(before - after, 9) > gate.max_drop:
        return f"it may drop by max_drop, {gate.max_drop:g}"
    return None
