"""Prompts as tokens, in the words of the model's own chat template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ragfactory.context.llama.rendering import render
from ragfactory.context.llama.vocabulary import joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragfactory.context.llama.model import LlamaModel
    from ragfactory.context.prompt import Prompt

# What stands for the two texts while a template is rendered: private use, so that no template has them.
_INSTRUCTIONS, _DOCUMENT = "\ue0f1instructions\ue0f2", "\ue0f1document\ue0f2"


@dataclass(frozen=True, slots=True)
class TokenisedPrompt:
    """A prompt as tokens `(n,)` int32: `prefix`, the part that prompts of a document share, and `own`, which is never empty.

    `cut` tokens of the document's part were left out, since the whole was longer than the model can read.
    """

    prefix: NDArray[np.int32]
    own: NDArray[np.int32]
    cut: int = 0


class ChatTemplate:
    """Turns prompts into tokens. The template's own text alone may become special tokens; instructions and documents are data.

    `note` says in words for people why the model's own template is not used, None where it is.
    """

    def __init__(self, model: LlamaModel) -> None:
        self._vocabulary = model.vocabulary
        parts, self.note = _parts(model)
        before, between, after = (self._vocabulary.markup(part) for part in parts)
        if self._vocabulary.adds_begin and before[:1].tolist() != [self._vocabulary.begin]:
            before = joined([np.array([self._vocabulary.begin], dtype=np.int32), before])
        self._before, self._between, self._after = before, between, after
        self._latest: tuple[tuple[str, str], tuple[NDArray[np.int32], NDArray[np.int32]]] | None = None

    def tokens(self, prompt: Prompt, limit: int) -> TokenisedPrompt:
        """At most `limit` tokens: what is too much goes from the end of the shared part, then from that of the chunk's.

        Raises ValueError when the template and the instructions alone take more.
        """
        head, shared = self._head(prompt)
        own = self._vocabulary.data(prompt.own)
        over = max(0, len(head) + len(shared) + len(own) + len(self._after) - limit)
        if over > len(shared) + len(own):
            raise ValueError(f"expected instructions of fewer than {limit} tokens, got {len(head)}")
        from_shared = min(over, len(shared))
        prefix = joined([head, shared[: len(shared) - from_shared]])
        own = joined([own[: len(own) - (over - from_shared)], self._after])
        if not len(own):  # something has to be read for an answer to follow it
            prefix, own = prefix[:-1], prefix[-1:]
        return TokenisedPrompt(prefix, own, cut=over)

    def _head(self, prompt: Prompt) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Template and instructions, and the shared part, remembered from the prompt before."""
        key = (prompt.instructions, prompt.shared)
        if self._latest is None or self._latest[0] != key:
            head = joined([self._before, self._vocabulary.data(prompt.instructions), self._between])
            self._latest = (key, (head, self._vocabulary.data(prompt.shared)))
        return self._latest[1]


def _parts(model: LlamaModel) -> tuple[tuple[str, str, str], str | None]:
    """A template's text before the instructions, between them and the document, and after it; why it is not the model's own."""
    plain = ("", "\n\n", "\n\n")
    template = model.metadata("tokenizer.chat_template")
    if template is None:
        return plain, f"{model.path.name} has no chat template: instructions and document go in as plain text"
    apart = [{"role": "system", "content": _INSTRUCTIONS}, {"role": "user", "content": _DOCUMENT}]
    together = [{"role": "user", "content": f"{_INSTRUCTIONS}\n\n{_DOCUMENT}"}]  # gemma's has no system message
    vocabulary, problem = model.vocabulary, ""
    names: dict[str, Any] = {"add_generation_prompt": True}
    names |= {"bos_token": vocabulary.name(vocabulary.begin), "eos_token": vocabulary.name(vocabulary.end)}
    for messages in (apart, together):
        try:
            return _split(render(template, names | {"messages": messages})), None
        except ValueError as error:
            problem = problem or str(error)
    return plain, f"the chat template of {model.path.name} cannot be used ({problem}): plain text goes in"


def _split(rendered: str) -> tuple[str, str, str]:
    """The rendered chat around the two texts. Raises ValueError when they are not there once, in their order."""
    before, found, rest = rendered.partition(_INSTRUCTIONS)
    between, found_too, after = rest.partition(_DOCUMENT)
    once = rendered.count(_INSTRUCTIONS) == rendered.count(_DOCUMENT) == 1
    if not (found and found_too and once):
        raise ValueError("it leaves out or repeats what it is given")
    return before, between, after
