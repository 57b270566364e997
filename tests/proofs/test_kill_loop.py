"""Runs that are killed at every step of publishing, at any change of the disk and at any moment lose and mix up nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.proofs.kill_loop import STEPS, KillLoop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.proofs.accidents import Victims

SEED = 3
KILLS = 40


def test_no_kill_harms_what_serves(folder: Path, victims: Victims) -> None:
    tally = KillLoop(folder, victims, SEED).run(KILLS)
    assert tally.violations == []
    assert tally.kills.total() >= KILLS
    assert {f"step {step}" for step in STEPS} <= tally.kills.keys()
    assert tally.published.total() > 0
    assert tally.finished > KILLS // 8
