"""A folder of documents that changes by a seeded script, together with what each document says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from random import Random

FALLBACK, MEMO = "algemeen", "memo"
KINDS = (FALLBACK, MEMO)

# A paragraph fills a chunk, so that documents share chunks and a changed one brings others along.
CHUNK = "[chunk]\nsize = 110\n"
PROFILES = {
    FALLBACK: f"{CHUNK}[recognise]\nweight = 0\n",
    MEMO: f'{CHUNK}[recognise.keywords]\nen = ["memo ref", "memo to", "memo from", "memo copy"]\n',
}
OPENINGS = {
    FALLBACK: "Whoever reads this page will find {word} on it, and nothing that was there before it was written.",
    MEMO: "Memo ref {word}, memo to the board, memo from the office, memo copy to whoever wants to have it.",
}
COMMON = (
    "The pump on the roof was mended last week by the same company that looked after the boiler before.",
    "Everybody who was at the table agreed that the garden should be wider before the summer has come.",
    "Nobody could say where the keys of the cellar were, so that the door stayed open for three weeks.",
    "A ship with wood from the north came into the harbour, and the men went on board before the dawn.",
    "The teacher had written the names of all the rivers on the wall, from the longest to the shortest.",
    "It has been raining since Monday, and the road along the river will not be dry before the weekend.",
)
EXTENSIONS = (".txt", ".md", ".html")
FEWEST, MOST = 6, 14


@dataclass(frozen=True, slots=True)
class Document:
    """What a document says; its `word` stands in it alone, and in this state of it alone."""

    kind: str
    word: str
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of its text, one space between two paragraphs."""
        return " ".join(self.paragraphs)


class ChangingLibrary:
    """Documents in a folder, by their path in it."""

    def __init__(self, folder: Path, profiles: Path, random: Random) -> None:
        self.folder = folder
        self.documents: dict[str, Document] = {}
        self._random = random
        self._names = self._words = 0
        profiles.mkdir(parents=True)
        for kind, profile in PROFILES.items():
            (profiles / f"{kind}.toml").write_text(profile)
        for _ in range(MOST - 4):
            self._add()

    def change(self) -> None:
        """Add, change, convert, rename and remove some documents."""
        changes: tuple[Callable[[], None], ...] = (self._add, self._edit, self._convert, self._rename, self._remove)
        for change in self._random.choices(changes, weights=(2, 3, 3, 2, 1), k=self._random.randint(1, 4)):
            change()

    def _add(self) -> None:
        if len(self.documents) < MOST:
            self._write(self._new_path(), self._new_document(self._random.choice(KINDS)))

    def _edit(self) -> None:
        path = self._any()
        self._write(path, self._new_document(self.documents[path].kind))

    def convert(self, path: str) -> None:
        """Make a document one of the other kind, which moves it to the other index."""
        (other,) = set(KINDS) - {self.documents[path].kind}
        self._write(path, self._new_document(other))

    def _convert(self) -> None:
        self.convert(self._any())

    def _rename(self) -> None:
        """Give a document another name, folder and sometimes format."""
        old, new = self._any(), self._new_path()
        document = self.documents.pop(old)
        (self.folder / new).parent.mkdir(exist_ok=True)
        (self.folder / old).rename(self.folder / new)
        self.documents[new] = document
        if not new.endswith(old[old.rindex(".") :]):
            self._write(new, document)

    def _remove(self) -> None:
        if len(self.documents) > FEWEST:
            path = self._any()
            (self.folder / path).unlink()
            del self.documents[path]

    def _any(self) -> str:
        return self._random.choice(sorted(self.documents))

    def _new_path(self) -> str:
        self._names += 1
        folder = self._random.choice(("", "north/", "south/"))
        return f"{folder}page-{self._names}{self._random.choice(EXTENSIONS)}"

    def _new_document(self, kind: str) -> Document:
        self._words += 1
        word = f"zq{self._words:04d}x"
        common = self._random.sample(COMMON, self._random.randint(0, 3))
        return Document(kind, word, (OPENINGS[kind].format(word=word), *common))

    def _write(self, path: str, document: Document) -> None:
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        if file.suffix == ".html":
            text = "".join(f"<p>{paragraph}</p>\n" for paragraph in document.paragraphs)
        else:
            text = "".join(f"{paragraph}\n\n" for paragraph in document.paragraphs)
        file.write_text(text, encoding="utf-8")
        self.documents[path] = document


def of_kind(documents: Mapping[str, Document], kind: str) -> dict[str, Document]:
    """The documents of one kind."""
    return {path: document for path, document in documents.items() if document.kind == kind}
