"""`imgcap describe`: what pictures show."""

from itertools import chain
from pathlib import Path
from typing import Annotated, Final

import typer

from imgcap.cli.common import FAILED, USAGE, failure, read_settings
from imgcap.cli.labels import LabelFile, LabelTexts, choose_labels

_WORKERS: Final = 2


def describe(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Pictures, folders of pictures, or - for a picture on standard input.",
            show_default=False,
        ),
    ],
    label: LabelTexts = None,
    labels: LabelFile = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the best labels to show.")] = 5,
    no_caption: Annotated[bool, typer.Option("--no-caption", help="Only the labels.")] = False,
    no_labels: Annotated[bool, typer.Option("--no-labels", help="Only the caption.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a table instead: its name ends in .csv, .jsonl or .parquet.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin anew, whatever --out names.")
    ] = False,
    on_ray: Annotated[
        bool, typer.Option("--ray", help="Describe with several processes, by Ray Data.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"How many processes, with --ray; {_WORKERS} by default.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Say what pictures show.

    Folders are walked; hidden files, and files that are no pictures, are passed over there.
    Without --label and --labels the candidate labels are those the app starts with. The exit
    status is 1 if any file failed.

    With --out the same command goes on where it was stopped, by whatever: pictures with the same
    path and content are not described again. Of a finished table only what is new, has changed or
    failed is described.

    With --ray every process has models and a core of its own; they run on this machine, or on the
    Ray cluster that RAY_ADDRESS names.
    """
    settings = read_settings()
    if no_caption and no_labels:
        raise failure("--no-caption and --no-labels together leave nothing to do.", USAGE)
    if no_labels and (label or labels):
        raise failure("--no-labels contradicts --label and --labels.", USAGE)
    if out and as_json:
        raise failure("--json contradicts --out.", USAGE)
    if overwrite and not out:
        raise failure("--overwrite needs --out.", USAGE)
    processes = _processes(workers, on_ray=on_ray)
    candidates = None if no_labels else choose_labels(label, labels, settings)
    if out:
        from imgcap.cli.table import write_table

        write_table(
            out,
            paths,
            settings,
            candidates,
            top,
            with_caption=not no_caption,
            overwrite=overwrite,
            workers=processes,
        )
        return

    from imgcap.cli.outcomes import StatusBar, print_outcome
    from imgcap.cli.work import describing
    from imgcap.inference import EngineError
    from imgcap.sources import find_sources

    failed = False
    try:
        with (
            StatusBar() as status,
            describing(
                settings,
                find_sources(paths, settings),
                candidates,
                status,
                with_caption=not no_caption,
                workers=processes,
            ) as batches,
        ):
            for outcome in chain.from_iterable(batches):
                failed |= bool(outcome.error)
                with status.aside(error=bool(outcome.error)):
                    print_outcome(outcome, top, as_json=as_json)
                status.advance()
    except EngineError as error:
        raise failure(str(error), FAILED) from error
    if failed:
        raise typer.Exit(FAILED)


def _processes(workers: int | None, *, on_ray: bool) -> int | None:
    """Return how many processes of Ray's are wanted, None for none."""
    if not on_ray:
        if workers:
            raise failure("--workers needs --ray.", USAGE)
        return None
    from imgcap.ray_batches import has_ray_data

    if not has_ray_data():
        raise failure("--ray needs more packages: pip install 'imgcap[serve]'.", USAGE)
    return workers or _WORKERS
