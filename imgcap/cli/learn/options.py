"""The options of commands that learn."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from imgcap.settings import Settings

Role = Literal["classifier", "captioner"]

Name = Annotated[str, typer.Argument(metavar="ID", help="The adapter, as `list` names it.")]
ForRole = Annotated[
    Role, typer.Option("--role", help="Whose answers: the classifier's or the captioner's.")
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        *("--checkpoint", "--classifier", "--captioner"),
        metavar="NAME",
        help="The checkpoint; by default that of the settings.",
    ),
]


def chosen(settings: "Settings", role: Role, checkpoint: str | None) -> "Settings":
    """Return the settings with the checkpoint that a command names, if it does."""
    return settings if checkpoint is None else settings.model_copy(update={role: checkpoint})
