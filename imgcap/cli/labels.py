"""The options of commands that compare candidate labels, and what they stand for."""

from pathlib import Path
from typing import Annotated

import typer

from imgcap.cli.common import USAGE, failure
from imgcap.settings import Settings

LabelTexts = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="TEXT", help="A candidate label; can be given several times."),
]
LabelFile = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="FILE",
        help="A file with a label a line, or a label set's name, as in `food`.",
    ),
]


def choose_labels(given: list[str] | None, file: str | None, settings: Settings) -> tuple[str, ...]:
    """Return the candidate labels that `--label` and `--labels` name, or those of the settings."""
    from imgcap.labels import LabelError, check_labels, first_labels, label_sets, read_labels

    sets = label_sets(settings)
    try:
        if file is None and given:
            return check_labels(given, source="--label")
        path = first_labels(settings) if file is None else Path(file)
        if file in sets and not path.exists():
            path = sets[file]
        listed = read_labels(path)
        return (
            check_labels([*given, *listed], source=f"--label and {path.name}") if given else listed
        )
    except LabelError as error:
        raise failure(str(error), USAGE) from error
