"""The same engine and feedback stores from a terminal: `imgcap`."""

import sys
from typing import Annotated

import typer

from imgcap import __version__
from imgcap.cli.common import FAILED, tell
from imgcap.cli.describe import describe
from imgcap.cli.feedback import app as feedback
from imgcap.cli.learn import app as learn
from imgcap.cli.models import models
from imgcap.cli.serve import serve

app = typer.Typer(
    name="imgcap",
    help="See what pictures show: labels with confidence, and a caption.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command()(describe)
app.command()(models)
app.command()(serve)
app.add_typer(feedback, name="feedback")
app.add_typer(learn, name="learn")


def main() -> None:
    """Run the command line."""
    try:
        app()
    except OSError as error:  # such as a full disk behind `> file`; stores say what befalls them
        reason = (error.strerror or type(error).__name__).lower()
        tell(f"Standard output could not be written ({reason}).")
        sys.exit(FAILED)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it so
    if wanted:
        typer.echo(f"imgcap {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass
