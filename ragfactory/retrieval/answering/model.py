"""An answer: sentences, each with the passages that hold it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from ragfactory.retrieval.results import Hit

By: TypeAlias = Literal["llama", "http", "extract"]


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that a question is answered from: `n` is what sentences name it by, from 1, and `text` what was read of it."""

    n: int
    hit: Hit
    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer without its marks, and the numbers of the passages that hold it: none where no passage does.

    `quote` is how it stands in the passage that it is taken from: the row of a table, which is told with the heads of its columns.
    """

    text: str
    sources: tuple[int, ...]
    quote: str | None = None

    def __str__(self) -> str:
        marks = "".join(f"[{n}]" for n in self.sources) or "[?]"
        return f"{self.text} {marks}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said to a question. `by` says who: a language model here, then on `device`, or on a server, or the passages
    themselves.

    Where nothing was `found` there are no sentences, and `absent` says so in the question's language; `nearest` stands above
    the passages then.
    """

    question: str
    sentences: tuple[Sentence, ...]
    sources: tuple[Source, ...]
    by: By
    absent: str
    nearest: str
    device: str | None = None

    @property
    def found(self) -> bool:
        """Whether there is an answer."""
        return bool(self.sentences)

    @property
    def text(self) -> str:
        """The answer in one text, each sentence with its sources: `[1]`, and `[?]` where no passage holds it."""
        return " ".join(map(str, self.sentences)) if self.sentences else self.absent
