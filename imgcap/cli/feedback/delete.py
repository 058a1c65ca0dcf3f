"""`imgcap feedback delete`: what someone wants to be forgotten."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import typer

from imgcap.cli.common import FAILED, USAGE, failure, read_settings
from imgcap.cli.feedback.ends import NONE_FOUND, counted, opened, told
from imgcap.cli.feedback.options import Before, Session, query_of

if TYPE_CHECKING:
    from imgcap.feedback import Query
    from imgcap.feedback.removal import Removal

NO_ORPHANS: Final = "Every kept picture is named by feedback, or is younger than an hour."


def delete(
    ids: Annotated[
        list[UUID] | None,
        typer.Option("--id", metavar="ID", help="This record; can be given several times."),
    ] = None,
    session: Session = "",
    before: Before = None,
    orphans: Annotated[
        bool,
        typer.Option(
            "--orphans",
            help="Kept pictures that no feedback names, for instance because it was never saved.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be deleted.")
    ] = False,
    stores: Annotated[
        list[str] | None,
        typer.Option(
            "--store",
            metavar="URL",
            help="The store, as in `sqlite:///feedback.db`; by default that of the settings. "
            "For --orphans, each that has pictures in the folder besides that of the settings.",
        ),
    ] = None,
) -> None:
    """Delete feedback for good, with the pictures that were kept with it.

    A picture stays while other feedback in the same store has it.
    """
    if sum(map(bool, (ids, session, before, orphans))) != 1:
        raise failure(
            "Say what to delete by one of --id, --session, --before and --orphans.", USAGE
        )
    if not (yes or dry_run or sys.stdin.isatty()):
        raise failure("There is no terminal to ask on; --yes deletes without asking.", USAGE)
    if orphans:
        _delete_orphans(stores or [], yes=yes, dry_run=dry_run)
        return
    if stores and len(stores) > 1:
        raise failure("Only --orphans takes more than one --store.", USAGE)
    query = query_of(session=session, before=before)
    _delete_records(stores[0] if stores else None, ids or [], query, yes=yes, dry_run=dry_run)


def _delete_records(
    url: str | None, ids: Sequence[UUID], query: "Query", *, yes: bool, dry_run: bool
) -> None:
    """Delete the records with these ids, or those that the query finds."""
    from imgcap.feedback.pictures import PictureFolder
    from imgcap.feedback.removal import removal_of, remove
    from imgcap.learning.forgotten import reminder

    stopped = "Stopped; nothing was deleted."
    with opened(url) as (source, settings), told(stopped=lambda: stopped):
        pictures = PictureFolder(settings.pictures)
        found = removal_of(source.get(ids) if ids else source.iterate(query), pictures)
        missing = len(set(ids) - found.ids)
        if not missing or found.ids:
            typer.echo(_describe(found) if found.ids else NONE_FOUND)
            if learned := reminder(settings.adapters, found.ids):
                typer.echo(learned)
        if found.ids and not dry_run:
            _ask(yes=yes)
            stopped = "Stopped; the same command deletes what is left."
            records, removed = remove(found, source, pictures)
            also = f" and {counted(removed, 'kept picture')}" if removed else ""
            typer.echo(f"Deleted {counted(records, 'record')}{also}.")
    if missing:
        which = "this id" if len(ids) == 1 else f"{missing:,} of these ids"
        raise failure(f"There is no feedback with {which}.", FAILED)


def _delete_orphans(urls: Sequence[str], *, yes: bool, dry_run: bool) -> None:
    """Delete the kept pictures that no store names: those given, and that of the settings."""
    from imgcap.feedback.pictures import PictureFolder
    from imgcap.feedback.removal import GRACE, remove_unnamed, unnamed

    settings = read_settings()
    stopped = "Stopped; nothing was deleted."
    with ExitStack() as stack, told(stopped=lambda: stopped):
        wanted = dict.fromkeys((settings.feedback, *urls))
        stores = [stack.enter_context(opened(url))[0] for url in wanted]
        pictures = PictureFolder(settings.pictures)
        found = list(unnamed(stores, pictures))
        if found and not urls and not any(store.picture_counts(list(pictures)) for store in stores):
            raise failure(
                f"No feedback in this store names any of the pictures in “{settings.pictures}”: "
                "name the store that does, or this one, by --store.",
                FAILED,
            )
        number = counted(len(found), "kept picture")
        typer.echo(
            f"{number} that no feedback names, from more than an hour ago." if found else NO_ORPHANS
        )
        if dry_run:
            return
        if found:
            _ask(yes=yes)
        stopped = "Stopped; the same command deletes what is left."
        removed = remove_unnamed(found, stores, pictures, GRACE)
        parts = pictures.delete_parts(GRACE)
        gone = {"kept picture": removed, "incomplete file": parts}
        if any(gone.values()):
            named = (counted(number, name) for name, number in gone.items() if number)
            typer.echo(f"Deleted {' and '.join(named)}.")


def _ask(*, yes: bool) -> None:
    if not (yes or typer.confirm("Delete this for good?", err=True)):
        raise failure("Nothing was deleted.", FAILED)


def _describe(removal: "Removal") -> str:
    """Say how much would go, from when it is, and what becomes of its pictures."""
    first, last = (f"{time:%Y-%m-%d %H:%M}" for time in (removal.first, removal.last))
    span = first if first == last else f"{first} to {last}"
    text = f"{counted(len(removal.ids), 'record')} of {span} (UTC)"
    if removal.pictures:
        number = counted(len(removal.pictures), "kept picture")
        text += f", with {number} as far as no other feedback has it"
    return f"{text}."
