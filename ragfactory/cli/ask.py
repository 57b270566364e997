"""`ragfactory ask`: an answer from the documents, each sentence with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ragfactory.cli import options
from ragfactory.cli.finding import finder
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run
from ragfactory.cli.search import pages_of
from ragfactory.cli.text import harmless, on_one_line
from ragfactory.errors import RagfactoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.text import Text

    from ragfactory.cli.output import Output
    from ragfactory.config import Config
    from ragfactory.retrieval.answering.model import Answer, Source

_SHOWN = 500  # characters of a passage


def ask(
    question: Annotated[
        str, typer.Argument(metavar="QUESTION", help="A question, in any of the documents' languages.")
    ],
    by: Annotated[
        Literal["auto", "llama", "http", "extract"],
        typer.Option(
            "--by",
            help="Who answers: a GGUF on this machine, a server of the configuration, or sentences of the passages themselves.",
        ),
    ] = "auto",
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=20, help="How many passages to answer from.")] = 6,
    mode: options.Mode = "hybrid",
    filters: options.Filters = None,
    rerank: options.Rerank = None,
    diverse: options.Diverse = False,
    expand_hits: options.ExpandHits = None,
    document_type: options.Type = None,
    tenant: options.Tenant = None,
    project: options.Project = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Answer a question from the passages that are found for it, each sentence with its source."""

    def body(output: Output) -> CommandResult:
        find = finder(top_k, mode, filters, rerank=rerank, diverse=diverse, expand_hits=expand_hits)

        from ragfactory.retrieval.answering.answer import sources_of
        from ragfactory.retrieval.search import Searcher

        config = options.configure(home, tenant=tenant, project=project)
        with Searcher.open(config, document_type) as searcher:
            found = find(searcher, question)
        answer, notes = _answer(found.result.query, sources_of(found), config, by, output)
        return CommandResult(
            data=_data(answer),
            render=lambda console: _render(answer, console, told=output.streams and answer.by != "extract"),
            warnings=(*found.result.notes, *notes),
        )

    run("ask", body, json=json)


def _answer(
    question: str,
    sources: Sequence[Source],
    config: Config,
    by: Literal["auto", "llama", "http", "extract"],
    output: Output,
) -> tuple[Answer, tuple[str, ...]]:
    """The answer, and why no language model wrote it where nobody said that none should."""
    from ragfactory.retrieval.answering.answer import extracted, written
    from ragfactory.retrieval.answering.writers import open_writer

    if by == "extract" or not sources:
        return extracted(question, sources), ()
    try:
        writer = open_writer(config, None if by == "auto" else by)
        try:
            answer = written(question, sources, writer, output.stream if output.streams else _to_nobody)
            return answer, writer.notes
        finally:
            writer.close()
    except RagfactoryError as error:
        if by != "auto":
            raise
        return extracted(question, sources), (f"sentences of the passages, no language model: {error.on_one_line}",)


def _to_nobody(_piece: str) -> None:
    """Tell nobody: the answer is shown when it is whole."""


def _data(answer: Answer) -> dict[str, Any]:
    return {
        "question": answer.question,
        "answer": answer.text,
        "sentences": [{"text": sentence.text, "sources": list(sentence.sources)} for sentence in answer.sentences],
        "sources": [
            {
                "n": source.n,
                "doc_id": source.hit.at.doc_id,
                "chunk_id": source.hit.at.chunk_id,
                "page": source.hit.at.place.page,
                "text": source.text,
            }
            for source in answer.sources
        ],
        "by": answer.by,
        "device": answer.device,
        "found": answer.found,
    }


def _render(answer: Answer, console: Console, *, told: bool) -> None:
    """The answer, unless it was shown as it came, what no passage holds, and the sources that are named."""
    from rich.padding import Padding
    from rich.text import Text

    console.print("" if told else Text(harmless(answer.text)))
    doubtful = [sentence for sentence in answer.sentences if not sentence.sources]
    if doubtful:
        console.print()
        console.print(Text("[?] no passage that is named holds this:", style="yellow"))
        for sentence in doubtful:
            console.print(Text(f"    {harmless(sentence.text)}"))
    named = {n for sentence in answer.sentences for n in sentence.sources}
    shown = [source for source in answer.sources if answer.by == "extract" or source.n in named]
    if shown:
        console.print()
    if shown and not answer.found:
        console.print(f"{answer.nearest}\n")
    for source in shown:
        console.print(_headline(source))
        if answer.by == "extract":
            console.print(
                Padding(_marked(source, answer, in_signs=not console.is_terminal), (0, 0, 0, 4), expand=False)
            )


def _headline(source: Source) -> Text:
    from rich.text import Text

    at = source.hit.at
    pages = pages_of(at.place.page, at.place.page_end)
    return Text.assemble((f"[{source.n}] ", "cyan"), (on_one_line(at.doc_id), "bold"), pages)


def _marked(source: Source, answer: Answer, *, in_signs: bool) -> Text:
    """A passage, or the part of it that was taken, with the sentences that are the answer marked: by style, or `**in signs**`."""
    from rich.text import Text

    from ragfactory.retrieval.highlight import Match, excerpt

    passage = harmless(source.text)
    quotes = [
        harmless(sentence.quote or sentence.text) for sentence in answer.sentences if source.n in sentence.sources
    ]
    spans = [(passage.find(quote), len(quote)) for quote in quotes]
    found = sorted((start, start + length) for start, length in spans if start >= 0)
    start, end = excerpt(passage, [Match(*span, {passage[slice(*span)]: 1.0}) for span in found], _SHOWN)
    text, shown = Text("... " if start else ""), start
    for first, last in ((max(first, start), min(last, end)) for first, last in found):
        if first < last:
            quote = passage[first:last]
            text.append(passage[shown:first]).append(f"**{quote}**" if in_signs else quote, style="bold green")
            shown = last
    return text.append(passage[shown:end]).append(" ..." if end < len(passage) else "")
