"""`imgcap feedback export`, `import` and `copy`: feedback on its way out, in, and elsewhere."""

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from imgcap.cli.common import FAILED, USAGE, failure
from imgcap.cli.feedback.ends import counted, opened, tell_unreadable, told
from imgcap.cli.feedback.options import (
    Before,
    FormatName,
    Ratings,
    Search,
    Session,
    Since,
    StoreUrl,
    query_of,
)


def export(
    destination: Annotated[
        str, typer.Argument(metavar="[PATH]", help="A file or folder; - is standard output.")
    ] = "-",
    format_name: Annotated[
        FormatName | None,
        typer.Option("--format", help="By default what the file's name says, else csv."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is there already.")
    ] = False,
    search: Search = "",
    rating: Ratings = None,
    session: Session = "",
    since: Since = None,
    before: Before = None,
    store: StoreUrl = None,
) -> None:
    """Write feedback into a file or folder, oldest first.

    csv and jsonl hold the records, imagefolder the kept pictures as well, as Hugging Face's
    datasets read them; label-studio holds tasks to go on with. All can be imported again.
    """
    from imgcap.cli.bar import Bar
    from imgcap.feedback.exchange import export as write
    from imgcap.feedback.pictures import PictureFolder

    query = replace(query_of(search, rating, session, since, before), descending=False)
    place = None if destination == "-" else Path(destination)
    stopped = "Stopped; nothing was exported." if place else "Stopped before the end."
    with (
        opened(store) as (source, settings),
        Bar("Exporting", wanted=bool(place) or not sys.stdout.isatty()) as bar,
        told(stopped=lambda: stopped),
    ):
        if bar.shown:
            bar.expect(source.page(query, 0, 1).total)
        count = write(
            bar.over(source.iterate(query)),
            place or typer.get_binary_stream("stdout"),
            format_name or _format_of(place),
            PictureFolder(settings.pictures),
            overwrite=overwrite,
        )
        unreadable = source.summary().unreadable
    if place:
        typer.echo(f"{counted(count, 'record')} exported.")
    else:
        typer.get_binary_stream("stdout").flush()  # here what fails still gets a sentence
    _end(unreadable)


def import_(
    source: Annotated[str, typer.Argument(metavar="PATH", help="A file or folder.")],
    format_name: Annotated[
        FormatName | None, typer.Option("--format", help="By default told by the content.")
    ] = None,
    store: StoreUrl = None,
) -> None:
    """Store what an export holds, or the original app's table of ratings.

    What is there already is not stored again, so that an import may be repeated.
    """
    from imgcap.cli.bar import Bar
    from imgcap.feedback.exchange import read_export
    from imgcap.feedback.exchange.intake import take_in
    from imgcap.feedback.pictures import PictureFolder

    place = Path(source)
    count = new = 0

    def so_far(sentence: str) -> str:
        before = _read(count, new) if count else "nothing was stored"
        return f"{sentence.rstrip('.')}; before that {before}."

    with (
        opened(store) as (target, settings),
        Bar("Importing") as bar,
        told(lambda error: so_far(str(error)), lambda: so_far("Stopped")),
        ExitStack() as saving,
    ):
        pictures = PictureFolder(settings.pictures)
        if place.is_dir():  # else it has no pictures
            saving.enter_context(pictures.saving())
        records = read_export(place, format_name, pictures)
        for taken in take_in(records, target):
            count += taken.count
            new += taken.new
            bar.advance(taken.count)
    typer.echo(f"{_read(count, new)}.".capitalize())


def copy(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A store, as in `csv:data/feedback.csv`.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="Another, as in `sqlite:///feedback.db`.")
    ],
) -> None:
    """Copy all feedback from one store to another, and compare what arrived.

    What is there already is not stored again, so that a copy may be repeated or resumed. The
    checksum is the same for the same records in any order.
    """
    from imgcap.cli.bar import Bar
    from imgcap.feedback.exchange import copy as copy_all
    from imgcap.feedback.exchange import same_place

    if same_place(source, target):
        raise failure("FROM and TO are the same store.", USAGE)
    with (
        opened(source) as (one, _),
        opened(target) as (other, _),
        Bar("Copying and comparing") as bar,
        told(stopped=lambda: "Stopped; the same command goes on where this ended."),
    ):
        copied = copy_all(one, other, bar.show)
    typer.echo(
        f"{counted(copied.count, 'record')} copied and compared, {copied.new:,} of them new.\n"
        f"checksum {copied.checksum}"
    )
    _end(copied.unreadable)


def _format_of(place: Path | None) -> str:
    """Return the format that a file's name says."""
    from imgcap.feedback.exchange import FORMATS

    suffix = place.suffix.lower() if place else ""
    suffixes = {getattr(each, "suffix", None): name for name, each in FORMATS.items()}
    return suffixes.get(suffix, "csv")


def _read(count: int, new: int) -> str:
    return f"{counted(count, 'record')} read, {new:,} of them new"


def _end(unreadable: tuple[str, ...]) -> None:
    """Fail if stored rows were left out: whoever goes by the exit status counts on all."""
    if unreadable:
        tell_unreadable(unreadable)
        raise typer.Exit(FAILED)
