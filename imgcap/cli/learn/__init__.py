"""`imgcap learn`: from feedback to better answers."""

import typer

from imgcap.cli.learn.adapters import adopt, delete, list_, rollback
from imgcap.cli.learn.calibrate import calibrate
from imgcap.cli.learn.fit import evaluate, fit
from imgcap.cli.learn.next import next_

app = typer.Typer(help="Learn from what people said of the results.", no_args_is_help=True)
app.command()(calibrate)
app.command("list")(list_)
app.command()(fit)
app.command()(evaluate)
app.command()(adopt)
app.command()(rollback)
app.command()(delete)
app.command("next")(next_)
