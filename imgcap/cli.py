"""The same engine from a terminal: `imgcap describe`, `imgcap models`."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from imgcap import __version__
from imgcap.settings import Settings, usable_settings

if TYPE_CHECKING:
    from imgcap.inference.checkpoints import Checkpoint
    from imgcap.inference.results import Role

FAILED = 1
USAGE = 2

app = typer.Typer(
    name="imgcap",
    help="See what pictures show: labels with confidence, and a caption.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line."""
    app()


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


@app.command()
def describe(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Pictures, folders of pictures, or - for a picture on standard input.",
            show_default=False,
        ),
    ],
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="A candidate label; can be given several times."),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A file with a label a line, or a label set's name, as in `food`."
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the best labels to show.")] = 5,
    no_caption: Annotated[bool, typer.Option("--no-caption", help="Only the labels.")] = False,
    no_labels: Annotated[bool, typer.Option("--no-labels", help="Only the caption.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Say what pictures show.

    Folders are walked; hidden files, and files that are no pictures, are passed over there.
    Without --label and --labels the candidate labels are those the app starts with. The exit
    status is 1 if any file failed.
    """
    settings = _read_settings()
    if no_caption and no_labels:
        raise _failure("--no-caption and --no-labels together leave nothing to do.", USAGE)
    if no_labels and (label or labels):
        raise _failure("--no-labels contradicts --label and --labels.", USAGE)
    candidates = None if no_labels else _choose_labels(label or [], labels, settings)

    from imgcap.batches import describe_all
    from imgcap.inference import EngineError, open_engine
    from imgcap.sources import find_sources, open_ahead
    from imgcap.terminal import StatusBar, print_outcome

    failed = False
    try:
        with (
            StatusBar() as status,
            closing(open_engine(settings, status.tell)) as engine,
            closing(open_ahead(status.count(find_sources(paths, settings)), settings)) as opened,
        ):
            for outcome in describe_all(engine, opened, candidates, with_caption=not no_caption):
                failed |= bool(outcome.error)
                with status.aside(error=bool(outcome.error)):
                    print_outcome(outcome, top, as_json=as_json)
                status.advance()
    except EngineError as error:
        raise _failure(str(error), FAILED) from error
    if failed:
        raise typer.Exit(FAILED)


@app.command()
def models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the known checkpoints, where each is, and whether it is present."""
    rows = list(_list_checkpoints(_read_settings()))
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Checkpoint", "For", "Present", "Size", "Lang."):
        table.add_column(column, overflow="fold", justify="right" if column == "Size" else "left")
    for row in rows:
        table.add_row(
            row["id"] + (" *" if row["chosen"] else ""),
            row["role"],
            "yes" if row["present"] else "no",
            f"{row['megabytes']:,} MB" if row["megabytes"] else "",
            ", ".join(row["languages"]),
        )
    console = Console(markup=False, highlight=False, emoji=False)
    console.print(table)
    for row in rows:
        console.print(f"\n{row['id']}\n  {row['purpose']}", soft_wrap=True)
        console.print(f"  licence: {row['licence']}", soft_wrap=True)
        if row["revision"]:
            console.print(f"  revision: {row['revision']}", soft_wrap=True)
        console.print(f"  {row['where']}", soft_wrap=True)
    console.print("\n* in use; choose with IMGCAP_CLASSIFIER and IMGCAP_CAPTIONER", soft_wrap=True)


def _failure(sentence: str, status: int) -> typer.Exit:
    """Say one sentence on stderr; the result, raised, ends the command with that status."""
    typer.echo(f"imgcap: {sentence}", err=True)
    return typer.Exit(status)


def _read_settings() -> Settings:
    settings, problems = usable_settings()
    if problems:
        raise _failure(" ".join(problems), USAGE)
    return settings


def _choose_labels(given: list[str], file: str | None, settings: Settings) -> tuple[str, ...]:
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
        raise _failure(str(error), USAGE) from error


def _list_checkpoints(settings: Settings) -> Iterator[dict[str, Any]]:
    """Describe the registry and the chosen checkpoints that it does not hold, as plain values."""
    from imgcap.inference.checkpoints import REGISTRY, Checkpoint, display_name, is_present

    chosen: set[tuple[str, Role]] = {
        (display_name(settings.classifier, "classifier"), "classifier"),
        (display_name(settings.captioner, "captioner"), "captioner"),
    }
    others = [
        Checkpoint(name, role, "", "see its own page", 0, (), "chosen by you")
        for name, role in chosen
        if (name, role) not in {(entry.id, entry.role) for entry in REGISTRY}
    ]
    for entry in [*REGISTRY, *others]:
        name = "embedded" if entry.embedded else entry.id
        row = asdict(entry)
        row["languages"] = list(entry.languages)
        row["where"] = _find_checkpoint(name, entry, settings)
        row["present"] = is_present(name, entry.role, settings)
        row["chosen"] = (entry.id, entry.role) in chosen
        yield row


def _find_checkpoint(name: str, entry: "Checkpoint", settings: Settings) -> str:
    from imgcap.inference.checkpoints import local_folder
    from imgcap.inference.hub_cache import find_cached
    from imgcap.inference.results import ModelError

    try:
        folder = local_folder(name, entry.role, settings)
    except ModelError:
        return str(settings.data / "models" / entry.id) if entry.embedded else name
    location = None if folder else find_cached(name, entry.revision)
    return str(folder or (location and location.folder) or f"https://huggingface.co/{name}")
