"""JSON Lines: one record a line, in ASCII."""

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final

from imgcap.feedback.exchange.plain import from_plain, located, parse, to_json
from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.record import FeedbackError, FeedbackRecord

LONGEST_LINE: Final = 2**28
"""Bytes: above any record, so that a file without line breaks does not fill the memory."""


def write(records: Iterable[FeedbackRecord], file: BinaryIO, _: PictureFolder | None) -> int:
    """Write one record a line; return how many."""
    count = 0
    for record in records:
        file.write(to_json(record).encode() + b"\n")
        count += 1
    return count


def read(file: BinaryIO, name: str) -> Iterator[FeedbackRecord]:
    """Yield the records of a file that `write` has written."""
    for place, value in lines(file, name):
        try:
            record = from_plain(value)
        except FeedbackError as error:
            raise located(place, error) from error
        yield record


def lines(file: BinaryIO, name: str) -> Iterator[tuple[str, Any]]:
    """Yield where each line that is not blank stands, and its JSON value.

    A file that begins with a lone brace is one value, laid out for people.
    """
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), start=1):
        place = f"Line {number} of “{name}”"
        if number == 1 and line.strip() == b"{":
            line += file.read(LONGEST_LINE)  # noqa: PLW2901  # the rest of the first value
        if len(line) >= LONGEST_LINE:
            raise located(place, FeedbackError("it is too long"))
        if line.strip():
            try:
                value = parse(line)
            except FeedbackError as error:
                raise located(place, error) from error
            yield place, value
