"""Feedback files in a form that is not ours, brought to it.

Such a file was saved by a spreadsheet, in any of its encodings and with any of its delimiters, or
is the two-column file of the first version.
"""

import csv
import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from io import TextIOWrapper
from typing import Any, BinaryIO, Final
from uuid import UUID

from imgcap.feedback.csv.format import (
    COLUMNS,
    all_columns,
    cell_of,
    decode,
    encode,
    header,
    line_of,
)
from imgcap.feedback.record import FeedbackError
from imgcap.neutralise import neutralise

_ALIASES: Final = {"feedback": "comment"}
_BLOCK: Final = 2**20


def convert(file: BinaryIO, modified: datetime) -> Iterator[bytes]:
    """Yield the lines of a foreign file in our form, with the same rows.

    A row without an id gets one that follows from what stands up to there, so that converting
    again gives it again; a row without a time gets `modified`. A row that cannot be read stays as
    it is, to be seen and mended.

    Raises
    ------
    FeedbackError
        If this is no feedback file.
    """
    rows = _rows(file)
    named = next(rows, None)
    if named is None:
        yield header()
        return
    names = [_column(name, number) for number, name in enumerate(named, start=1)]
    if "rating" not in names or len(set(names)) != len(names):
        raise FeedbackError("its first row does not name the columns of a feedback file")
    columns = all_columns(names)
    yield header(columns)
    digest = hashlib.sha256()
    for cells in rows:
        digest.update(json.dumps(cells).encode())
        yield _converted(cells, names, columns, digest.digest(), modified)


def _column(name: str, number: int) -> str:
    plain = name.strip().lower()
    plain = _ALIASES.get(plain, plain)
    return plain if plain in COLUMNS else name.strip() or f"column {number}"


def _converted(
    cells: list[str], names: list[str], columns: tuple[str, ...], digest: bytes, modified: datetime
) -> bytes:
    ours = COLUMNS[-1] in names
    if not ours:  # blank cells at the end may be left out
        cells = cells + [""] * (len(names) - len(cells))
    defaults: dict[str, Any] = {"id": UUID(bytes=digest[:16], version=5), "time": modified}
    try:
        record = decode(cells, names, defaults=defaults, neutralised=ours)
    except FeedbackError:
        raw = cells if ours else [neutralise(cell) for cell in cells]
        if len(cells) != len(names):
            return line_of(raw)
        found = dict(zip(names, raw, strict=True))
        for name, value in defaults.items():  # once mended, the row is complete
            found[name] = found.get(name) or cell_of(name, value)
        return line_of([found.get(name, "") for name in columns])
    return encode(record, columns, dict(zip(names, cells, strict=True)))


def _rows(file: BinaryIO) -> Iterator[list[str]]:
    """Yield the rows that are not blank, split by the delimiter that the header uses."""
    encoding = _encoding(file)
    file.seek(0)
    text = TextIOWrapper(file, encoding, newline="")
    try:
        first = next((line for line in text if line.strip()), "")
        text.seek(0)
        reader = csv.reader(text, delimiter=max(",;\t", key=first.count))
        yield from (row for row in reader if any(cell.strip() for cell in row))
    except csv.Error as error:
        raise FeedbackError("it is not a table") from error
    finally:
        with suppress(ValueError):  # who stops halfway may have closed it
            text.detach()  # the file is the caller's to close


def _encoding(file: BinaryIO) -> str:
    file.seek(0)
    start = file.read(2)
    likely = ["utf-16"] if start in {b"\xff\xfe", b"\xfe\xff"} else ["utf-8-sig", "cp1252"]
    for encoding in likely:
        file.seek(0)
        text = TextIOWrapper(file, encoding, newline="")
        try:
            while text.read(_BLOCK):
                pass
        except UnicodeDecodeError:
            continue
        finally:
            text.detach()
        return encoding
    raise FeedbackError("its text is in no known encoding")
