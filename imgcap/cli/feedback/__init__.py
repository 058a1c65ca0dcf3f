"""`imgcap feedback`: what people said of the results, put in, looked at, moved and removed."""

import typer

from imgcap.cli.feedback.add import add
from imgcap.cli.feedback.delete import delete
from imgcap.cli.feedback.move import copy, export, import_
from imgcap.cli.feedback.show import list_, stats

app = typer.Typer(
    help="Put in, look at, move and remove what people said of the results.", no_args_is_help=True
)
app.command()(add)
app.command("list")(list_)
app.command()(stats)
app.command()(export)
app.command("import")(import_)
app.command()(copy)
app.command()(delete)
