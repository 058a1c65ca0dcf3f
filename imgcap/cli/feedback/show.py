"""`imgcap feedback list` and `stats`: what is stored, and what it says of the models."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from imgcap.cli.common import plain_console
from imgcap.cli.feedback.ends import NONE_FOUND, NONE_YET, counted, opened, tell_unreadable
from imgcap.cli.feedback.options import (
    AsJson,
    Before,
    Ratings,
    Search,
    Session,
    Since,
    StoreUrl,
    query_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imgcap.feedback import FeedbackRecord, Page
    from imgcap.feedback.statistics import Accuracy, Group, Statistics

_MOST_SHOWN: Final = 300
"""Characters of a text in the table; it is cut to what fits the terminal anyway."""
_WIDE: Final = 120
"""Columns from which on a terminal has room for ids."""
_MOST_GROUPS: Final = 10
_BAR: Final = 40


def list_(
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="How many to show.")] = 20,
    search: Search = "",
    rating: Ratings = None,
    session: Session = "",
    since: Since = None,
    before: Before = None,
    sort: Annotated[
        Literal["time", "rating"], typer.Option(help="Newest first, or best rated first.")
    ] = "time",
    as_json: AsJson = False,
    store: StoreUrl = None,
) -> None:
    """Show stored feedback, newest first.

    A terminal of 120 columns has room for the ids; with --json every record is one JSON object a
    line, with all that is known of it.
    """
    query = query_of(search, rating, session, since, before)
    with opened(store) as (source, _):
        page = source.page(replace(query, sort=sort), 0, limit)
        if as_json:
            for record in page.records:
                typer.echo(_json(record))
        elif page.records:
            _print_records(page)
        else:
            typer.echo(NONE_YET if query == query_of() else NONE_FOUND)
        tell_unreadable(source.summary().unreadable)


def stats(as_json: AsJson = False, store: StoreUrl = None) -> None:
    """Say how often people were content, and how often the models were right."""
    from imgcap.feedback.statistics import statistics_of

    with opened(store) as (source, _):
        statistics = statistics_of(source.outline())
        unreadable = source.summary().unreadable
    if as_json:
        typer.echo(json.dumps(statistics.as_dict()))
    else:
        _print_statistics(statistics)
    tell_unreadable(unreadable)


def _json(record: "FeedbackRecord") -> str:
    fields = record.model_dump()
    return json.dumps({**fields, "id": str(record.id), "time": record.time.isoformat()})


def _print_records(page: "Page") -> None:
    """Print a row a record, as wide as the terminal, and how many more there are."""
    from rich.table import Table

    console = plain_console()
    wide = console.width >= _WIDE
    table = Table(box=None, pad_edge=False, expand=True, header_style="bold")
    table.add_column("Time (UTC)", no_wrap=True)
    table.add_column("Rating", no_wrap=True, justify="right")
    for name, ratio in (("Label", 2), ("Caption", 3), ("Comment", 3)):
        table.add_column(name, no_wrap=True, overflow="ellipsis", ratio=ratio)
    if wide:
        table.add_column("Id", no_wrap=True)
    for record in page.records:
        table.add_row(
            f"{record.time:%Y-%m-%d %H:%M}",
            str(record.rating),
            _corrected(record.label, record.corrected_label),
            _corrected(record.caption, record.corrected_caption),
            _line(record.comment),
            *([str(record.id)] if wide else []),
        )
    console.print(table)
    if page.total > len(page.records):
        total = counted(page.total, "record")
        typer.echo(f"\n{len(page.records):,} of {total}; --limit N shows more.")


def _corrected(answer: str, correction: str) -> str:
    """Return an answer and what it should have been; a tick if that is the same."""
    answer, correction = _line(answer), _line(correction)
    if answer == correction:
        return f"{answer} ✓" if answer else ""
    return f"{answer} → {correction}".strip() if correction else answer


def _line(text: str) -> str:
    from imgcap.images import printable

    return printable(" ".join(text[:_MOST_SHOWN].split()))


def _print_statistics(statistics: "Statistics") -> None:
    ratings = statistics.ratings
    if ratings.mean is None:
        typer.echo(NONE_YET)
        return
    typer.echo(f"{counted(ratings.count, 'rating')}, {ratings.mean:.2f} on average")
    widest = max(len(f"{number:,}") for number in ratings.stars)
    for stars, number in reversed([*enumerate(ratings.stars, start=1)]):
        bar = "#" * round(_BAR * number / max(ratings.stars))
        typer.echo(f"  {stars}  {number:>{widest},}  {bar}".rstrip())
    typer.echo(f"\nRight labels:   {_share(statistics.label_accuracy)}")
    typer.echo(f"Right captions: {_share(statistics.caption_accuracy)}")
    if statistics.calibration.error is not None:
        points = 100 * statistics.calibration.error
        typer.echo(f"The confidence in labels is off by {points:.0f} points on average.")
    if statistics.calibration.independent:
        left_out = counted(statistics.calibration.independent, "judged label")
        typer.echo(f"The confidence in {left_out} is not compared: each was scored by itself.")
    _print_groups("Label", statistics.labels)
    _print_groups("Classifier", statistics.classifiers)
    _print_groups("Captioner", statistics.captioners)


def _share(accuracy: "Accuracy") -> str:
    """Return an accuracy with its 95 % interval."""
    if accuracy.share is None or accuracy.low is None or accuracy.high is None:
        return "none was judged"
    return (
        f"{accuracy.confirmed:,} of {accuracy.judged:,} judged, {100 * accuracy.share:.0f} % "
        f"({100 * accuracy.low:.0f} to {100 * accuracy.high:.0f} %)"
    )


def _print_groups(name: str, groups: "Sequence[Group]") -> None:
    """Print a row for each of the most frequent groups."""
    from rich.table import Table

    if not groups:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(name, no_wrap=True, overflow="ellipsis")
    table.add_column("Ratings", justify="right", no_wrap=True)
    table.add_column("Mean", justify="right", no_wrap=True)
    table.add_column("Right, of those judged", no_wrap=True)
    for group in groups[:_MOST_GROUPS]:
        mean = "" if group.ratings.mean is None else f"{group.ratings.mean:.2f}"
        shown = "(others)" if group.name is None else _line(group.name)
        table.add_row(shown, f"{group.ratings.count:,}", mean, _share(group.accuracy))
    typer.echo()
    plain_console().print(table)
    if len(groups) > _MOST_GROUPS:
        typer.echo(f"... and {len(groups) - _MOST_GROUPS:,} more; --json has them all.")
