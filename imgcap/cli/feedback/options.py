"""The options that the feedback commands share, and what they stand for."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from imgcap.feedback import Query


def _date(text: str) -> datetime:
    try:
        given = datetime.fromisoformat(text)
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f"“{text}” is no date such as 2026-05-01 or 2026-05-01T12:30+02:00."
        ) from error


StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="The store, as in `sqlite:///feedback.db`; by default that of the settings.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for other programs.")]
Search = Annotated[
    str, typer.Option(metavar="WORDS", help="Only what has all these words.", show_default=False)
]
Ratings = Annotated[
    list[int] | None,
    typer.Option(
        "--rating", metavar="N", min=1, max=5, help="Only this rating; can be given several times."
    ),
]
Session = Annotated[
    str, typer.Option(metavar="ID", help="Only what came from this page.", show_default=False)
]
Since = Annotated[
    datetime | None,
    typer.Option(
        parser=_date, metavar="DATE", help="Only from this time on; in UTC, or with +HH:MM."
    ),
]
Before = Annotated[
    datetime | None,
    typer.Option(parser=_date, metavar="DATE", help="Only what is older than this."),
]
FormatName = Literal["csv", "jsonl", "imagefolder", "label-studio"]


def query_of(
    search: str = "",
    ratings: list[int] | None = None,
    session: str = "",
    since: datetime | None = None,
    before: datetime | None = None,
) -> "Query":
    """Return what the filters ask for, newest first."""
    from imgcap.feedback import Query

    return Query(search, frozenset(ratings or ()), session, since, before)
