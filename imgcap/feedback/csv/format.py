r"""The lines of a feedback file: what is written, and how a whole row is told from a torn one.

A file starts with a byte order mark (Excel needs it) and a header; lines end in CR LF, and every
cell is quoted. From this follows what the reader relies on:

- a row begins with ``"`` and its id at the start of a line. Inside a cell a quote is doubled and
  no cell but the first is followed by an id, so a line break, a single quote and an id are
  always the start of a row: after a damaged row the reader finds the next one;
- a row is whole if all its cells are closed and a line break follows. The last cell holds a
  plain number, so a row cut off inside a doubled quote never looks closed.

A file in any other form is foreign: saved by a spreadsheet, written by an older version, or the
two-column file of the first version. `convert` brings it to the form above.
"""

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from io import StringIO
from typing import Any, Final
from uuid import UUID

from imgcap.feedback.csv.neutralise import neutralise, restore
from imgcap.feedback.record import FeedbackError, FeedbackRecord

COLUMNS: Final = tuple(FeedbackRecord.model_fields)
ROW_START: Final = re.compile(rb'\n(?="[0-9a-f]{8}-)')
_FIRST, _LAST = ("id", "time", "rating"), COLUMNS[-1]
_JSON: Final = frozenset({"edits", "labels", "templates", "predictions"})
_DECIMAL: Final = frozenset({"classify_ms", "caption_ms"})
_ALIASES: Final = {"feedback": "comment"}
_BOM: Final = b"\xef\xbb\xbf"
_END: Final = "\r\n"

# The module's limit of 128 kB a cell is one for all its users; a comment can be larger.
csv.field_size_limit(max(csv.field_size_limit(), 2**26))


def header(names: Sequence[str] = COLUMNS) -> bytes:
    """Return the first line of a file with these columns."""
    return _BOM + _line(names)


def read_header(line: bytes) -> tuple[str, ...] | None:
    """Return the columns that a first line names, None if the file is foreign.

    A person may have added columns of their own: they stand before the last and are kept.
    """
    try:
        rows = split(line.removeprefix(_BOM).decode())
    except (UnicodeDecodeError, csv.Error):
        return None
    names = tuple(rows[0]) if rows else ()
    ours = [name for name in names if name in COLUMNS]
    good = names[:3] == _FIRST and names[-1] == _LAST and sorted(ours) == sorted(COLUMNS)
    return names if good and line == header(names) else None


@cache
def row_pattern(columns: int) -> re.Pattern[bytes]:
    """Match a whole row of `columns` cells; the groups are its id, time and rating."""
    cell = rb'"[^"\0]*+(?:""[^"\0]*+)*+"'
    return re.compile(
        rb'"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",'
        rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)","([1-5])"'
        + rb"(?:,%b){%d}\r\n"
        % (cell, columns - 3)
    )


def encode(
    record: FeedbackRecord,
    names: Sequence[str] = COLUMNS,
    extras: Mapping[str, str] | None = None,
) -> bytes:
    """Return the record's row in a file with these columns."""
    cells = {name: _cell(name, getattr(record, name)) for name in COLUMNS}
    return _line([cells[name] if name in cells else (extras or {}).get(name, "") for name in names])


def split(text: str, delimiter: str = ",", *, strict: bool = True) -> list[list[str]]:
    """Return the rows of cells in a text, a blank line as no cells; raises `csv.Error`."""
    return list(csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=strict))


def decode(
    cells: Sequence[str],
    names: Sequence[str],
    *,
    defaults: Mapping[str, Any] | None = None,
    neutralised: bool = True,
) -> FeedbackRecord:
    """Return the record of a row.

    Parameters
    ----------
    defaults : mapping, optional
        The id and time of a row that has none.
    neutralised : bool
        Whether the cells are as `neutralise` wrote them.

    Raises
    ------
    FeedbackError
        If a cell is missing, superfluous, or holds what no record can.
    """
    if len(cells) != len(names):
        raise FeedbackError(f"It has {len(cells)} cells where the header has {len(names)}.")
    values = {name: cell for name, cell in zip(names, cells, strict=True) if name in COLUMNS}
    if neutralised:
        values = {name: restore(cell) for name, cell in values.items()}
    fields: dict[str, Any] = {**(defaults or {})}
    for name, value in values.items():
        if value:
            fields[name] = _value(name, value)
    for name in _FIRST:
        if name not in fields:
            raise FeedbackError(f"It has no {name}.")
    return FeedbackRecord(**fields)


def unfinished(tail: bytes, names: Sequence[str]) -> int:
    """Return where, in what follows the last whole row, an unfinished row begins, or its length.

    Lines that a person added may stand there too, and the last may lack its line break.
    """
    inside = False
    done = position = 0
    for line in tail.splitlines(keepends=True):
        position += len(line)
        inside ^= line.count(b'"') % 2 == 1
        if not inside and line.endswith(b"\n"):
            done = position
    rest = tail[done:]
    closed = rest.endswith(b'"') or not rest.startswith(b'"')
    if rest and closed and b"\0" not in rest:
        try:
            [cells] = split(rest.decode())
            decode(cells, names)
        except (ValueError, csv.Error):
            return done
        return len(tail)
    return done


def convert(content: bytes, modified: datetime) -> bytes:
    """Return a foreign file in the form described above, with the same rows.

    A row without an id gets one that follows from what stands up to there, so that converting
    again gives it again; a row without a time gets `modified`. A row that cannot be read stays as
    it is, to be seen and mended.

    Raises
    ------
    FeedbackError
        If this is no feedback file.
    """
    rows = _rows(_to_text(content))
    named = next(rows, None)
    if named is None:
        return header()
    names = [_column(name, number) for number, name in enumerate(named, start=1)]
    if "rating" not in names or len(set(names)) != len(names):
        raise FeedbackError("its first row does not name the columns of a feedback file")
    extras = [name for name in names if name not in COLUMNS]
    columns = [*COLUMNS[:-1], *extras, _LAST]
    lines = [header(columns)]
    digest = hashlib.sha256()
    for cells in rows:
        digest.update(json.dumps(cells).encode())
        lines.append(_converted(cells, names, columns, digest.digest(), modified))
    return b"".join(lines)


def _column(name: str, number: int) -> str:
    plain = name.strip().lower()
    plain = _ALIASES.get(plain, plain)
    return plain if plain in COLUMNS else name.strip() or f"column {number}"


def _converted(
    cells: list[str], names: list[str], columns: list[str], digest: bytes, modified: datetime
) -> bytes:
    ours = _LAST in names
    if not ours:  # blank cells at the end may be left out
        cells = cells + [""] * (len(names) - len(cells))
    defaults: dict[str, Any] = {"id": UUID(bytes=digest[:16], version=5), "time": modified}
    try:
        record = decode(cells, names, defaults=defaults, neutralised=ours)
    except FeedbackError:
        raw = cells if ours else [neutralise(cell) for cell in cells]
        if len(cells) != len(names):
            return _line(raw)
        found = dict(zip(names, raw, strict=True))
        for name, value in defaults.items():  # once mended, the row is complete
            found[name] = found.get(name) or _cell(name, value)
        return _line([found.get(name, "") for name in columns])
    return encode(record, columns, dict(zip(names, cells, strict=True)))


def _rows(text: str) -> Iterator[list[str]]:
    """Yield the rows that are not blank, split by the delimiter that the header uses."""
    first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = split(text, delimiter, strict=False)
    except csv.Error as error:
        raise FeedbackError("it is not a table") from error
    return (row for row in rows if any(cell.strip() for cell in row))


def _to_text(content: bytes) -> str:
    encodings = ["utf-16"] if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FeedbackError("its text is in no known encoding")


def _cell(name: str, value: Any) -> str:  # noqa: ANN401  # any field's
    if value is None:
        return ""
    if name in _JSON:
        plain = [vars(each) for each in value] if name == "predictions" else value
        return neutralise(json.dumps(plain, ensure_ascii=False)) if value else ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return neutralise(str(value).lower() if isinstance(value, bool) else str(value))


def _value(name: str, text: str) -> Any:  # noqa: ANN401  # any field's
    if name in _DECIMAL:
        return text.replace(",", ".")  # as a spreadsheet writes it in half of the world
    if name not in _JSON:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FeedbackError(f"Its {name} cannot be read.") from error


def _line(cells: Sequence[str]) -> bytes:
    # Cells that a person edited may hold anything; those of ours are neutralised by now.
    line = StringIO(newline="")
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator=_END).writerow(cells)
    return line.getvalue().encode()
