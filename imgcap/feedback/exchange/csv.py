"""The CSV file that the store keeps; on the way in, also what spreadsheets make of it."""

import csv
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import BinaryIO, Final

from imgcap.feedback.csv.foreign import convert
from imgcap.feedback.csv.format import decode, encode, header, read_header, split
from imgcap.feedback.exchange.plain import located
from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.record import FeedbackError, FeedbackRecord

_LONGEST_HEADER: Final = 2**16


def write(records: Iterable[FeedbackRecord], file: BinaryIO, _: PictureFolder | None) -> int:
    """Write a file such as the CSV store's; return how many records it has."""
    file.write(header())
    count = 0
    for record in records:
        file.write(encode(record))
        count += 1
    return count


def read(file: BinaryIO, name: str) -> Iterator[FeedbackRecord]:
    """Yield the records of a CSV file in any form that the store takes."""
    number = 1
    try:
        with closing(_rows(file)) as rows:
            columns = next(rows)
            for cells in rows:
                number += 1
                if cells:
                    yield decode(cells, columns)
    except (csv.Error, UnicodeDecodeError) as error:
        damaged = FeedbackError("it is damaged")
        raise located(f"Row {number + 1} of “{name}”", damaged) from error
    except FeedbackError as error:
        raise located(f"Row {number} of “{name}”" if number > 1 else f"“{name}”", error) from error


def _rows(file: BinaryIO) -> Generator[list[str], None, None]:
    """Yield the columns, then rows of cells as `neutralise` wrote them."""
    columns = read_header(file.readline(_LONGEST_HEADER))
    if columns is None:
        lines = convert(file, datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC))
        yield list(read_header(next(lines)) or ())
        yield from (split(line.decode())[0] for line in lines)
        return
    yield list(columns)
    text = TextIOWrapper(file, "utf-8", newline="")
    try:
        yield from csv.reader(text, strict=True)
    finally:
        text.detach()  # the file is the caller's to close
