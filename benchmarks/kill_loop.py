"""How many kills does the store survive? All of them, or it names what it lost.

    python -m benchmarks.kill_loop --kills 300 --seed 1

It is started from the folder of the repository and needs the extra `dev`, since it shares the tests' parts.
Runs over a folder that changes by a seeded script are killed with SIGKILL at the steps of publishing, at changes of the file
system and at any moment, and so are prunes and rollbacks. After each kill an oracle, which knows what the folder held when the
run began, opens, checks and searches what serves; every few kills an undisturbed run must bring the indexes to the folder's state.
"""

from __future__ import annotations

import argparse
import secrets
import sys

from tests.proofs.accidents import Victims
from tests.proofs.kill_loop import KillLoop, Tally
from tests.store.conftest import quick_folder


def main(kills: int, seed: int) -> int:
    with Victims() as victims, quick_folder() as folder:
        tally = KillLoop(folder, victims, seed).run(kills)
    show(tally, seed)
    return 1 if tally.violations else 0


def show(tally: Tally, seed: int) -> None:
    """Print where kills hit, and what came of them."""
    print(f"{'killed at':<26}{'kills':>7}{'new version served':>21}")
    for where, kills in sorted(tally.kills.items()):
        print(f"{where:<26}{kills:>7}{tally.published[where]:>21}")
    print(f"{'in all':<26}{tally.kills.total():>7}{tally.published.total():>21}")
    print(f"undisturbed runs that finished the job: {tally.finished}")
    print(f"violations: {len(tally.violations)}, in {tally.seconds:.0f} s, with --seed {seed}")
    for violation in tally.violations:
        print(f"  {violation}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    arguments = parser.parse_args()
    sys.exit(main(arguments.kills, arguments.seed))
