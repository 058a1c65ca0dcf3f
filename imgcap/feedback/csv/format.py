r"""The lines of a feedback file: what is written, and how a whole row is told from a torn one.

A file starts with a byte order mark (Excel needs it) and a header; lines end in CR LF, and every
cell is quoted. From this follows what the reader relies on:

- a row begins with ``"`` and its id at the start of a line. Inside a cell a quote is doubled and
  no cell but the first is followed by an id, so a line break, a single quote and an id are
  always the start of a row: after a damaged row the reader finds the next one;
- a row is whole if all its cells are closed and a line break follows. The last cell holds a
  plain number, so a row cut off inside a doubled quote never looks closed.

An older version's file lacks columns, and a person may have added some. A file in any other form
is foreign: see `imgcap.feedback.csv.foreign`.
"""

import csv
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from io import StringIO
from typing import Any, Final

from imgcap.feedback.record import FeedbackError, FeedbackRecord
from imgcap.neutralise import neutralise, restore

COLUMNS: Final = tuple(FeedbackRecord.model_fields)
ROW_START: Final = re.compile(rb'\n(?="[0-9a-f]{8}-)')
_FIRST, _LAST = ("id", "time", "rating"), COLUMNS[-1]
_UUID: Final = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID_IN_FRONT: Final = re.compile(  # in every form that `UUID` takes
    rb"(?:^|(?<=\n))[ \t\"'{]*(?:urn:uuid:)?([0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12})",
    re.IGNORECASE,
)
_JSON: Final = frozenset({"edits", "labels", "templates", "predictions"})
_DECIMAL: Final = frozenset({"classify_ms", "caption_ms"})
_TO_JSON: Final = json.JSONEncoder(ensure_ascii=False).encode
_BOM: Final = b"\xef\xbb\xbf"
_END: Final = "\r\n"
_CHUNK_BYTES: Final = 2**22

# The module's limit of 128 kB a cell is one for all its users; a comment can be larger.
csv.field_size_limit(max(csv.field_size_limit(), 2**26))


def header(names: Sequence[str] = COLUMNS) -> bytes:
    """Return the first line of a file with these columns."""
    return _BOM + line_of(names)


def read_header(line: bytes) -> tuple[str, ...] | None:
    """Return the columns that a first line names, None if the file is foreign."""
    try:
        rows = split(line.removeprefix(_BOM).decode())
    except (UnicodeDecodeError, csv.Error):
        return None
    names = tuple(rows[0]) if rows else ()
    good = names[:3] == _FIRST and names[-1] == _LAST and len(set(names)) == len(names)
    return names if good and line == header(names) else None


def all_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Return ours, with those of `names` that a person added before the last."""
    return (*COLUMNS[:-1], *(name for name in names if name not in COLUMNS), _LAST)


@cache
def row_pattern(names: tuple[str, ...], wanted: frozenset[str] = frozenset()) -> re.Pattern[bytes]:
    """Match a whole row of a file with these columns.

    The first three groups are its id, time and rating, the others are named after the cells that
    are `wanted`, with their quotes doubled.
    """
    inside = rb'[^"\0]*+(?:""[^"\0]*+)*+'
    cells = (
        b"(?P<%b>%b)" % (name.encode(), inside) if name in wanted else inside for name in names
    )
    return re.compile(
        rb'"(%b)","(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)","([1-5])"' % _UUID
        + b"".join(b',"%b"' % cell for cell in [*cells][len(_FIRST) :])
        + rb"\r\n"
    )


def plain(cell: bytes) -> str:
    """Return the text of a cell as `row_pattern` found it."""
    return restore(cell.replace(b'""', b'"').decode())


def without_rows(lines: bytes, ids: Collection[int]) -> bytes:
    """Leave out the rows with these ids from lines that may be damaged or cut off."""
    left, position, leaving = [], 0, False
    for match in _ID_IN_FRONT.finditer(lines):
        if not leaving:
            left.append(lines[position : match.start()])
        position, leaving = match.start(), int(match[1].replace(b"-", b""), 16) in ids
    return b"".join(left) + (b"" if leaving else lines[position:])


def encode(
    record: FeedbackRecord,
    names: Sequence[str] = COLUMNS,
    extras: Mapping[str, str] | None = None,
) -> bytes:
    """Return the record's row in a file with these columns."""
    cells = {name: cell_of(name, getattr(record, name)) for name in COLUMNS}
    return line_of(
        [cells[name] if name in cells else (extras or {}).get(name, "") for name in names]
    )


def chunks(
    records: Iterable[FeedbackRecord],
) -> Iterator[list[tuple[FeedbackRecord, bytes]]]:
    """Yield the records with their rows in our columns, a few megabytes at a time."""
    chunk, size = [], 0
    for record in records:
        row = encode(record)
        chunk.append((record, row))
        size += len(row)
        if size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


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


def cell_of(name: str, value: Any) -> str:  # noqa: ANN401  # any field's
    """Return the cell of a field's value."""
    if value in (None, "", ()):
        return ""
    if name in _JSON:
        simple = [vars(each) for each in value] if name == "predictions" else value
        return neutralise(_TO_JSON(simple))
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


def line_of(cells: Sequence[str]) -> bytes:
    """Return the line of a row's cells."""
    # Cells that a person edited may hold anything; those of ours are neutralised by now.
    line = StringIO(newline="")
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator=_END).writerow(cells)
    return line.getvalue().encode()
