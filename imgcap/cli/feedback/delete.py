"""`imgcap feedback delete`: what someone wants to be forgotten."""

import sys
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from imgcap.cli.common import FAILED, USAGE, failure
from imgcap.cli.feedback.ends import NONE_FOUND, counted, opened, told
from imgcap.cli.feedback.options import Before, Session, StoreUrl, query_of

if TYPE_CHECKING:
    from imgcap.feedback.removal import Removal


def delete(
    ids: Annotated[
        list[UUID] | None,
        typer.Option("--id", metavar="ID", help="This record; can be given several times."),
    ] = None,
    session: Session = "",
    before: Before = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be deleted.")
    ] = False,
    store: StoreUrl = None,
) -> None:
    """Delete feedback for good, with the pictures that were kept with it.

    A picture stays while other feedback in the same store has it.
    """
    from imgcap.feedback.pictures import PictureFolder
    from imgcap.feedback.removal import removal_of, remove

    if sum(map(bool, (ids, session, before))) != 1:
        raise failure("Say what to delete by one of --id, --session and --before.", USAGE)
    if not (yes or dry_run or sys.stdin.isatty()):
        raise failure("There is no terminal to ask on; --yes deletes without asking.", USAGE)
    stopped = "Stopped; nothing was deleted."
    with opened(store) as (source, settings), told(stopped=lambda: stopped):
        pictures = PictureFolder(settings.pictures)
        query = query_of(session=session, before=before)
        found = removal_of(source.get(ids) if ids else source.iterate(query), pictures)
        missing = len(set(ids or ()) - found.ids)
        if not missing or found.ids:
            typer.echo(_describe(found) if found.ids else NONE_FOUND)
        if found.ids and not dry_run:
            if not (yes or typer.confirm("Delete this for good?", err=True)):
                raise failure("Nothing was deleted.", FAILED)
            stopped = "Stopped; the same command deletes what is left."
            records, removed = remove(found, source, pictures)
            also = f" and {counted(removed, 'kept picture')}" if removed else ""
            typer.echo(f"Deleted {counted(records, 'record')}{also}.")
    if missing:
        which = "this id" if ids and len(ids) == 1 else f"{missing:,} of these ids"
        raise failure(f"There is no feedback with {which}.", FAILED)


def _describe(removal: "Removal") -> str:
    """Say how much would go, from when it is, and what becomes of its pictures."""
    first, last = (f"{time:%Y-%m-%d %H:%M}" for time in (removal.first, removal.last))
    span = first if first == last else f"{first} to {last}"
    text = f"{counted(len(removal.ids), 'record')} of {span} (UTC)"
    if removal.pictures:
        number = counted(len(removal.pictures), "kept picture")
        text += f", with {number} as far as no other feedback has it"
    return f"{text}."
