"""What every command shares: how it ends, and the settings it reads."""

from typing import TYPE_CHECKING, Final

import typer

from imgcap.settings import Settings, usable_settings

if TYPE_CHECKING:
    from rich.console import Console

FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130


def failure(sentence: str, status: int) -> typer.Exit:
    """Say one sentence on stderr; the result, raised, ends the command with that status."""
    tell(sentence)
    return typer.Exit(status)


def tell(sentence: str) -> None:
    """Say one sentence on stderr."""
    from imgcap.images import printable

    typer.echo(f"imgcap: {printable(sentence)}", err=True)


def read_settings() -> Settings:
    """Read the settings; one that cannot be used ends the command."""
    settings, problems = usable_settings()
    if problems:
        raise failure(" ".join(problems), USAGE)
    return settings


def plain_console() -> "Console":
    """Return a console on stdout that takes text as it is: no markup, no emoji names."""
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False)
