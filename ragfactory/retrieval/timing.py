"""How long each stage of a search takes."""

from __future__ import annotations

import time


class Clock:
    """How long each stage of a search took."""

    def __init__(self) -> None:
        self._started = self._noted = time.perf_counter()
        self._timings_ms: dict[str, float] = {}

    def note(self, stage: str) -> None:
        """End a stage, which began when the one before ended."""
        now = time.perf_counter()
        self._timings_ms[stage] = round(1000 * (now - self._noted), 2)
        self._noted = now

    def stop(self) -> dict[str, float]:
        """Milliseconds by stage, and in total."""
        return self._timings_ms | {"total": round(1000 * (time.perf_counter() - self._started), 2)}
