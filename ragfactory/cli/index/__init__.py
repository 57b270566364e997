"""`ragfactory index`: what indexes there are, what is in them, and their versions."""

from __future__ import annotations

import typer

from ragfactory.cli.index import check, diff, listing, prune, rollback, show

app = typer.Typer(
    help="Show indexes; compare, check, roll back and remove their versions.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("list")(listing.list_indexes)
app.command("show")(show.show)
app.command("diff")(diff.diff)
app.command("check")(check.check)
app.command("rollback")(rollback.rollback)
app.command("prune")(prune.prune)
