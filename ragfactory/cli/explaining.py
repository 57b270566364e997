"""`search --explain`: what was made of a query, and what each stage gave a passage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from ragfactory.cli.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.retrieval.results import Explanation, Hit, SearchResult

_REWRITERS = {"llama": "a language model on this machine", "http": "a language model on a server", "rules": "rule"}


def understood(result: SearchResult) -> Text:
    """The years, types and names found in the query, its rewritings, what words count, and where models ran, a line each."""
    lines = [*_understood(result.explanation), *(f"{stage} on {device}" for stage, device in result.devices.items())]
    return Text("\n".join(map(on_one_line, lines)), style="dim").append("\n")


def stages(hit: Hit) -> Text:
    """The score of each stage that looked at a passage, the rewriting that found it, and its context."""
    scores = {name: getattr(hit, name) for name in ("dense", "lexical", "fused", "preferred", "rerank")}
    said = [f"{name} {score:.3f}" for name, score in scores.items() if score is not None]
    said += [f"found as: {hit.variant}"] if hit.variant else []
    said += [f"{hit.near_duplicates} more that say the same"] if hit.near_duplicates else []
    lines = [", ".join(said), *([f"context: {hit.chunk.context}"] if hit.chunk.context else [])]
    return Text("\n".join(map(on_one_line, lines)), style="dim")


def _understood(explanation: Explanation) -> Iterator[str]:
    for entry in explanation.understood:
        documents = "1 document" if entry.documents == 1 else f"{entry.documents} documents"
        unused = "" if explanation.use else ", which makes no difference here"
        yield f"understood: {entry.kind} {entry.value} ({documents}){unused}"
    if not explanation.understood:
        yield "understood: no year, type or name of these documents"
    if explanation.rewritten_by:
        yield f"rewritten by {_REWRITERS[explanation.rewritten_by]}" + (
            "" if explanation.variants else ": no other wording"
        )
    yield from (f"also searched: {variant}" for variant in explanation.variants)
    if explanation.emphasis != 1:
        yield f"a number in the query: words count {explanation.emphasis:g} times as much"
