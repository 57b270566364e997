"""`ragfactory search`: the passages that answer a question."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragfactory.cli import batch, options
from ragfactory.cli.conversation import converse
from ragfactory.cli.finding import finder
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run
from ragfactory.cli.text import harmless, on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.text import Text

    from ragfactory.cli.output import Output
    from ragfactory.config import Config
    from ragfactory.errors import UsageError
    from ragfactory.retrieval.finding import Found
    from ragfactory.retrieval.results import Hit
    from ragfactory.retrieval.rewriting.writers import Rewriter
    from ragfactory.retrieval.search import Searcher
    from ragfactory.retrieval.surroundings import Surroundings


_INDENT = (0, 0, 0, 4)
_EXCERPT = 500  # characters of a passage that are shown


def search(
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY",
            help="A question or some words, in any of the documents' languages. Without one, a terminal asks for them.",
            show_default=False,
        ),
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(
            "--queries",
            metavar="FILE",
            help="Do every query of a file, one a line or JSON lines with id and query; - is standard input.",
        ),
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=1000, help="How many passages.")] = 5,
    mode: options.Mode = "hybrid",
    filters: options.Filters = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Look at every vector, also where an index is approximate.")
    ] = False,
    rerank: options.Rerank = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Only documents of the years, types and names in the query, not only those preferably."
        ),
    ] = False,
    expand: Annotated[
        int,
        typer.Option("--expand", min=0, max=8, metavar="N", help="Search up to N rewritings of the query as well."),
    ] = 0,
    expand_by: Annotated[
        options.Writer,
        typer.Option(
            "--expand-by", help="Who rewrites: a server of the configuration, a GGUF on this machine, or rules."
        ),
    ] = "auto",
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what was understood, and what each stage gave a passage.")
    ] = False,
    diverse: options.Diverse = False,
    expand_hits: options.ExpandHits = None,
    full: Annotated[bool, typer.Option("--full", help="Show passages whole, not only the part that answers.")] = False,
    document_type: options.Type = None,
    tenant: options.Tenant = None,
    project: options.Project = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Find the passages that answer a question, over all document types of a project."""

    def body(output: Output) -> CommandResult:
        find_as = finder(top_k, mode, filters, rerank=rerank, diverse=diverse, expand_hits=expand_hits)

        from ragfactory.retrieval.live import LiveSearch

        asked = batch.read(queries) if queries else []
        if (query is None) == (queries is None) and not (queries is None and output.is_conversation):
            raise _one_of_both()
        config = options.configure(home, tenant=tenant, project=project)

        def find(searcher: Searcher, query: str) -> Found:
            return find_as(searcher, query, exact=exact, strict=strict, expand=expand, rewriter=rewriter)

        extra = {"filters": filters} if filters else {}
        with ExitStack() as opened:
            rewriter = _rewriter(config, expand, expand_by, many=query is None)
            if rewriter is not None:
                opened.enter_context(closing(rewriter))
            live = opened.enter_context(LiveSearch(config, document_type, find))

            def result_of(query: str) -> CommandResult:
                found = live.search(query)
                languages = live.searcher.languages
                explanation = {"explanation": asdict(found.result.explanation)} if explain else {}
                return CommandResult(
                    data=_data(found) | explanation,
                    render=lambda console: _render(found, languages, console, full=full, explain=explain),
                    warnings=found.result.notes,
                )

            if queries is not None:
                return batch.all_of(asked, result_of, extra, output)
            if query is None:
                return converse(output, result_of)
            result = result_of(query)
            return replace(result, data={"query": result.data["query"], **extra, **result.data})

    run("search", body, json=json)


def _rewriter(config: Config, count: int, by: options.Writer, *, many: bool) -> Rewriter | None:
    """The language model that rewrites queries, where one is to."""
    if not count or by == "rules":
        return None
    from ragfactory.retrieval.rewriting.writers import open_rewriter

    return open_rewriter(config, None if by == "auto" else by, count, many=many)


def _one_of_both() -> UsageError:
    from ragfactory.errors import UsageError

    return UsageError(
        "QUERY or --queries FILE: one of them expected",
        hint="give a question, or a file of them (- is standard input); on a terminal, `ragfactory search` alone asks for them",
    )


def _data(found: Found) -> dict[str, Any]:
    chunks = [_chunk(hit) for hit in found.result.hits]
    for chunk, around in zip(chunks, found.around, strict=False):  # there is either one for each, or none
        chunk["expanded"] = asdict(around)
    result = found.result
    explanation = result.explanation
    rewritten = {"expansion": {"by": explanation.rewritten_by, "variants": list(explanation.variants)}}
    return {
        "query": result.query,
        **(rewritten if explanation.rewritten_by else {}),
        "chunks": chunks,
        "timings_ms": result.timings_ms,
        "devices": dict(result.devices),
    }


def _chunk(hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    metadata = {
        "index": str(hit.index),
        "version": hit.version,
        "document_type": hit.index.document_type,
        "root": hit.at.root,
        "page": hit.at.place.page,
        "page_end": hit.at.place.page_end,
        "headings": list(hit.at.place.headings),
        "language": chunk.language,
        "chunk_strategy": chunk.strategy,
        "chunk_hash": hit.chunk_hash,
        "context": chunk.context,
        "context_enriched": chunk.context_enriched,
        "reranked": hit.rerank is not None,
        "dense": hit.dense,
        "lexical": hit.lexical,
        "fused": hit.fused,
        "preferred": hit.preferred,
        "rerank": hit.rerank,
        "variant": hit.variant,
        "near_duplicates": hit.near_duplicates,
        "also_in": [
            {"doc_id": other.doc_id, "chunk_id": other.chunk_id, "page": other.place.page, "root": other.root}
            for other in hit.others
        ],
    }
    return {
        "doc_id": hit.at.doc_id,
        "chunk_id": hit.at.chunk_id,
        "text": chunk.text,
        "score": hit.score,
        "metadata": metadata | {key: value for key, value in hit.at.document.metadata.items() if key not in metadata},
    }


def _render(found: Found, languages: list[str], console: Console, *, full: bool, explain: bool) -> None:
    from rich.padding import Padding
    from rich.text import Text

    result = found.result
    if explain:
        from ragfactory.cli.explaining import understood

        console.print(understood(result))
    if not result.hits:
        console.print("nothing found")
    several_roots = len({hit.at.root for hit in result.hits}) > 1
    for rank, (hit, around) in enumerate(zip_longest(result.hits, found.around), start=1):
        console.print(_headline(rank, hit))
        if several_roots:
            console.print(Padding(Text(on_one_line(f"in {hit.at.root}"), style="dim"), _INDENT, expand=False))
        if headings := _headings(hit):
            console.print(Padding(Text(on_one_line(headings), style="dim"), _INDENT, expand=False))
        if explain:
            from ragfactory.cli.explaining import stages

            console.print(Padding(stages(hit), _INDENT, expand=False))
        console.print(Padding(_marked(hit.chunk.text, result.query, languages, full=full), _INDENT, expand=False))
        if around:
            for line in _around(around):
                console.print(Padding(line, _INDENT, expand=False))
        if hit.others:
            also = ", ".join(other.doc_id for other in hit.others)
            console.print(Padding(Text(on_one_line(f"also in {also}"), style="dim"), _INDENT, expand=False))
        console.print()


def _around(around: Surroundings) -> Iterator[Text]:
    """What stands around a passage, under a line that says how much of the document it is."""
    from rich.text import Text

    if len(around.chunk_ids) == 1:
        yield Text("around it: nothing else", "cyan")
        return
    first, last = (name.rpartition("#")[2] for name in (around.chunk_ids[0], around.chunk_ids[-1]))
    yield Text(
        f"around it: {first}" + (f"-{last}" if last != first else "") + pages_of(around.page, around.page_end), "cyan"
    )
    yield Text(harmless(around.text), "dim")


def _headline(rank: int, hit: Hit) -> Text:
    from rich.text import Text

    place = hit.at.place
    return Text.assemble(
        (f"{rank:2}  ", "dim"),
        (f"{hit.score:.3f}  ", "cyan"),
        (on_one_line(hit.at.doc_id), "bold"),
        pages_of(place.page, place.page_end),
        (f"  {hit.index.document_type}", "dim"),
    )


def pages_of(first: int | None, last: int | None) -> str:
    """The pages of a passage, after two blanks; empty where there are none."""
    pages = "" if first is None else f"  p. {first}"
    return pages if last in (None, first) else f"{pages}-{last}"


def _headings(hit: Hit) -> str:
    """The heading path, without a last heading that the passage begins with anyway."""
    *above, last = hit.at.place.headings or ("",)
    return " > ".join(above if hit.chunk.text.startswith(last) else (*above, last))


def _marked(passage: str, query: str, languages: list[str], *, full: bool) -> Text:
    """The passage, or the part of it that holds most of the words that the query asks for, with those words marked."""
    from rich.text import Text

    from ragfactory.retrieval.highlight import excerpt, matches

    passage = harmless(passage)
    found = list(matches(passage, query, languages))
    text = Text(passage)
    for match in found:
        text.stylize("bold green", match.start, match.end)
    if full:
        return text
    start, end = excerpt(passage, found, _EXCERPT)
    return Text("... " if start else "").append_text(text[start:end]).append(" ..." if end < len(passage) else "")
