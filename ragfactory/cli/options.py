"""The options that several commands share, and what they resolve to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

if TYPE_CHECKING:
    from ragfactory.config import Config

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but problems, a line each: for cron.")]
Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="Where all state lives; default $RAGFACTORY_HOME, else the user's data folder.",
        show_default=False,
    ),
]
Tenant = Annotated[str | None, typer.Option("--tenant", help="Whose index.", show_default="default")]
Project = Annotated[
    str | None, typer.Option("--project", help="The project that the index belongs to.", show_default="default")
]
Type = Annotated[
    str | None, typer.Option("--type", help="Only the index of this document type.", show_default="all types")
]
Embedder = Annotated[
    str | None,
    typer.Option(
        "--embedder", help="The embedding model; an index keeps the one it was built with.", show_default="auto"
    ),
]
Devices = Annotated[
    str | None,
    typer.Option("--devices", help="auto, cpu, or cards such as 0,2-5.", show_default="the configuration's"),
]

ContextWriter = Annotated[
    Literal["structural", "llama", "http", "none"] | None,
    typer.Option(
        "--context", help="Who writes contexts; an index keeps what it was last told.", show_default="the profile's"
    ),
]

# How passages are found, for `search` and `ask`.
Mode = Annotated[
    Literal["hybrid", "dense", "text"],
    typer.Option("--mode", help="Both parts fused, or one; text needs no model."),
]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="CONDITION",
        help="Only where this holds, such as 'year=2024', 'page<10' or 'path~*.pdf'; give it again for more conditions.",
    ),
]
Rerank = Annotated[
    bool | None,
    typer.Option(
        "--rerank/--no-rerank",
        help="Have a second model order the best; by default where it is on this machine and vectors are searched.",
        show_default="auto",
    ),
]
Diverse = Annotated[bool, typer.Option("--diverse", help="Take no second passage of a document before one of each.")]
ExpandHits = Annotated[
    str | None,
    typer.Option(
        "--expand-hits",
        metavar="N|section|table",
        help="With each passage, take N passages before and after it, its section, or the table it is part of.",
    ),
]

# Who does what a language model does better, and rules can do.
Writer: TypeAlias = Literal["auto", "llama", "http", "rules"]


def configure(
    home: Path | None = None, *, tenant: str | None = None, project: str | None = None, devices: str | None = None
) -> Config:
    """The configuration with the given options over it."""
    from ragfactory.config import load_config
    from ragfactory.errors import UsageError

    config = load_config(home, tenant=tenant, project=project)
    if config.home.exists() and not config.home.is_dir():
        raise UsageError(f"{config.home}: a folder expected, and it is a file", hint="choose another --home")
    if devices is not None:
        config = config.model_copy(update={"fleet": config.fleet.model_copy(update={"devices": devices})})
    return config
