"""`ragfactory bench`: how fast this machine does the work, beside a named baseline."""

import typer

app = typer.Typer(help="Measure.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _bench() -> None: ...
@app.command("ingest")
def ingest() -> None: ...
