"""What a language model is to be asked about a document, as it travels from the process that read it: all but what comes later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragfactory.context.prompt import Prompt
from ragfactory.context.templates import fill
from ragfactory.context.text import as_data, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ragfactory.context.templates import Template

_FACT_CHARACTERS = 300
_FACT_BYTES = 450  # more than that many characters are in the four languages
LONGEST_FACTS = "•" * (_FACT_BYTES // 3)  # which take as many tokens as any that `fit_facts` gives


def fit_facts(facts: str) -> str:
    """Facts about a document as data for a prompt, on one line, at most 300 characters and 450 bytes of them."""
    return as_data(one_line(facts))[:_FACT_CHARACTERS].encode()[:_FACT_BYTES].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class PromptSheet:
    """The prompts for a document's chunks, in their order, with every part of the document told once. It is empty where no language
    model writes.

    `title`, `type` and `facts`, which the rules found, go into the document's part as they are. `owns` has for each chunk the
    position in `excerpts` of what it is shown, and its own part. `analysis` asks what the document as a whole is about, where
    there is room for that in the model's window; what is answered may take the place of the facts.
    """

    language: str = ""
    title: str = ""
    type: str = ""
    facts: str = ""
    excerpts: tuple[str, ...] = ()
    owns: tuple[tuple[int, str], ...] = ()
    analysis: Prompt | None = None

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> PromptSheet:
        """Rebuild from what `dataclasses.asdict` or JSON made of one."""
        owns = tuple((position, own) for position, own in raw["owns"])
        analysis = Prompt(**raw["analysis"]) if raw["analysis"] else None
        return cls(**{**raw, "excerpts": tuple(raw["excerpts"]), "owns": owns, "analysis": analysis})

    def prompts(self, templates: Mapping[str, Template], facts: str | None = None) -> list[Prompt]:
        """A prompt for each chunk, in the wording that the sheet was made with; those with the same `shared` follow each other.

        `facts` are told in place of those that the rules found, such as the summary of an analysis by a model; they are made data,
        and cut to the room that there is for them whatever they are.
        """
        if not self.owns:
            return []
        template = templates[self.language]
        known = self.facts if facts is None else fit_facts(facts)
        values = {"title": self.title, "type": self.type, "facts": known}
        shared = [fill(template.shared, {**values, "document": excerpt}) for excerpt in self.excerpts]
        return [Prompt(template.instructions, shared[position], own, self.language) for position, own in self.owns]
