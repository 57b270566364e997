"""`ragfactory gpu`: the cards of this machine, and what they would do and did for us."""

from __future__ import annotations

import typer

from ragfactory.cli.gpu import cleanup, plan, status

app = typer.Typer(
    help="Show the GPUs, say which would work, and clear away what dead runs left on them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("status")(status.status)
app.command("plan")(plan.plan)
app.command("cleanup")(cleanup.cleanup)
