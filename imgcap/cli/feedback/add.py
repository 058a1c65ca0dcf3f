"""`imgcap feedback add`: feedback from the command line, or from another program."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgcap.cli.common import USAGE, failure
from imgcap.cli.feedback.ends import counted, opened, told
from imgcap.cli.feedback.options import StoreUrl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imgcap.feedback import FeedbackRecord


def add(
    rating: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=5, help="1 (poor) to 5 (excellent).")
    ] = None,
    comment: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What there is to say.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The label that would have been right.")
    ] = None,
    caption: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The caption that would have been right.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Records as JSON, one a line; - is standard input. Each needs only a `rating`.",
        ),
    ] = None,
    store: StoreUrl = None,
) -> None:
    """Add feedback, and print the id of each record once it is safe.

    A line that is no record ends the command; what stood before it is stored then.
    """
    said = {
        "rating": rating,
        "comment": comment,
        "corrected_label": label,
        "corrected_caption": caption,
    }
    given = {name: value for name, value in said.items() if value is not None}
    if source is not None and given:
        raise failure("--json contradicts the other options: the records say it all.", USAGE)
    if source is None and rating is None:
        raise failure("Say --rating N, from 1 to 5, or --json FILE.", USAGE)

    done = 0

    def so_far(sentence: str) -> str:
        before = counted(done, "record") if done else "nothing"
        return f"{sentence.rstrip('.')}; stored before that: {before}."

    with (
        opened(store) as (target, _),
        told(
            lambda error: so_far(str(error)) if source else str(error),
            lambda: so_far("Stopped"),
        ),
    ):
        for record in [_record(given)] if source is None else _read(source):
            target.append(record)
            done += 1
            typer.echo(str(record.id))


def _read(source: str) -> "Iterator[FeedbackRecord]":
    """Yield the records of a file, each as soon as it is read."""
    from imgcap.feedback import FeedbackError
    from imgcap.feedback.exchange.jsonl import lines
    from imgcap.feedback.exchange.plain import located
    from imgcap.feedback.files import explained

    given = source == "-"
    name = "standard input" if given else source
    with (
        explained("The feedback could not be read", Path(name)),
        nullcontext(typer.get_binary_stream("stdin")) if given else Path(source).open("rb") as file,
    ):
        for place, value in lines(file, name):
            try:
                record = _record(value)
            except FeedbackError as error:
                raise located(place, error) from error
            yield record


def _record(value: object) -> "FeedbackRecord":
    from imgcap.feedback import FeedbackError, FeedbackRecord

    if not isinstance(value, dict):
        raise FeedbackError("It is no record of feedback.")
    return FeedbackRecord(**value)
