"""`ragfactory eval`: how well questions whose answers are known are answered, and what would answer them better."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragfactory.cli import options
from ragfactory.cli.evaluation import drafting, fitting, measuring
from ragfactory.cli.run import run
from ragfactory.errors import UsageError

if TYPE_CHECKING:
    from ragfactory.cli.output import Output
    from ragfactory.cli.result import CommandResult


def evaluate(
    questions: Annotated[
        Path | None,
        typer.Argument(
            metavar="QUESTIONS",
            help="A file of questions, a JSON object a line; with --make, a new one.",
            show_default=False,
        ),
    ] = None,
    stages: Annotated[
        list[str] | None,
        typer.Option(
            "--stage",
            metavar="STAGE",
            help="Measure only dense, lexical, fused or reranked; give it again for two of them.",
            show_default="all",
        ),
    ] = None,
    compare: Annotated[
        int | None,
        typer.Option("--compare", metavar="VERSION", min=1, help="Measure that version of the index as well."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Measure with another value of a key of [retrieve] as well, such as lexical_weight=2; again for more keys.",
        ),
    ] = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Find the weights that suit this index, and keep them in its settings.")
    ] = False,
    unfit: Annotated[bool, typer.Option("--unfit", help="Remove what --fit has kept.")] = False,
    make: Annotated[
        int | None,
        typer.Option("--make", metavar="N", min=1, max=10_000, help="Draft so many questions from the documents."),
    ] = None,
    make_by: Annotated[
        options.Writer,
        typer.Option(
            "--make-by", help="Who drafts: a GGUF on this machine, the servers of the configuration, or rules."
        ),
    ] = "auto",
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="At most so many failing questions are shown; 0 for all.")
    ] = 10,
    document_type: options.Type = None,
    tenant: options.Tenant = None,
    project: options.Project = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Measure how well questions are answered whose answers are known, and find the weights that answer them best."""

    def body(output: Output) -> CommandResult:
        _refuse_several({"--fit": fit, "--unfit": unfit, "--make": make, "--compare or --set": compare or settings})
        config = options.configure(home, tenant=tenant, project=project)
        if unfit:
            return fitting.unfit(config, document_type)
        if questions is None:
            hint = "`ragfactory eval FILE --make 50` drafts one"
            raise UsageError("QUESTIONS: a file of questions expected", hint=hint)
        if make is not None:
            return drafting.make(config, document_type, questions, make, make_by, output)
        if fit:
            return fitting.fit(config, document_type, questions, output)
        asked = measuring.Asked(stages, compare, settings or (), limit or None)
        return measuring.measure(config, document_type, questions, asked, output)

    run("eval", body, json=json)


def _refuse_several(given: dict[str, object]) -> None:
    names = [name for name, value in given.items() if value]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)}: one of them at a time", hint="call it once for each")
