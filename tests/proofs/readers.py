"""Readers that look again and again at an index whose writer goes from state to state; version n holds state n.

    python -m tests.proofs.readers HOME

It reads until its standard input is closed, and prints how often it did and how many versions it saw.
"""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Event, Thread

from ragfactory.config import Config
from ragfactory.retrieval.results import Mode
from ragfactory.retrieval.search import Searcher
from tests.store.conftest import NAME, Shelf, contents

STEADY = {f"steady-{n}.txt": [f"de kade bij het oude gebouw nummer {n}"] for n in range(3)}
CHANGING = 5


def state(n: int) -> dict[str, list[str]]:
    """The texts of every document of state `n`: some change with every state, and some never do."""
    return STEADY | {
        f"changing-{i}.txt": [f"de kade in toestand {n} van blad {i}", f"de omzet {n}"] for i in range(CHANGING)
    }


class Reader:
    """Reads whole versions, and by searching; `seen` are the versions it saw."""

    def __init__(self, home: Path) -> None:
        self.reads = 0
        self.seen: set[int] = set()
        self._shelf = Shelf.at(home)
        self._config = Config(home=home, config_dir=home, tenant=NAME.tenant, project=NAME.project)

    def read_until(self, over: Event) -> None:
        """Read on until it is over."""
        while not over.is_set():
            self.read()

    def read(self) -> None:
        """Open what serves, once as a version and once to search it, and find one whole state both times."""
        with self._shelf.open() as version:
            number = version.manifest.version
            assert contents(version) == state(number)
            self.seen.add(number)
        with Searcher.open(self._config) as searcher:
            hits = searcher.search("kade", mode=Mode.TEXT, top_k=50).hits
        (number,) = {hit.version for hit in hits}
        expected = [text for texts in state(number).values() for text in texts if "kade" in text]
        assert sorted(hit.chunk.text for hit in hits) == sorted(expected)
        self.seen.add(number)
        self.reads += 1


def main(home: Path) -> None:
    over = Event()
    Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    reader = Reader(home)
    reader.read()
    print("reading", flush=True)
    reader.read_until(over)
    print(reader.reads, len(reader.seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
