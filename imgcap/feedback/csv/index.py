"""Where the rows of a feedback file lie, and what is needed to count and sort them."""

import csv
from array import array
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from re import Match, Pattern
from typing import BinaryIO

from imgcap.feedback.csv.format import ROW_START, decode, row_pattern, split, unfinished
from imgcap.feedback.record import FeedbackError, FeedbackRecord
from imgcap.feedback.store import Query

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_BLOCK = 2**24
_SHOWN = 60


class Index:
    """The rows of a file as far as it has been scanned; about 200 bytes a row.

    Parameters
    ----------
    names : sequence of str
        The file's columns.
    start : int
        Where its first row begins.

    Attributes
    ----------
    end
        Up to where there are only whole rows.
    unreadable
        One sentence a row that is left out.
    loose
        Whether rows were found after `end`; then a file that changed is scanned anew.
    """

    def __init__(self, names: Sequence[str], start: int) -> None:
        self.names = names
        self.end = start
        self.unreadable: list[str] = []
        self.loose = False
        self._pattern = row_pattern(len(names))
        self._ids: dict[bytes, int] = {}
        self._starts, self._ends, self._lines = array("Q"), array("Q"), array("Q")
        self._times, self._ratings = array("q"), array("B")
        self._records: dict[int, FeedbackRecord] = {}  # of rows that are not as we write them
        self._line = 1
        self._last: tuple[int, bytes] | None = None
        self._order: list[int] = []

    def __contains__(self, record: FeedbackRecord) -> bool:
        """Whether a record with this id is stored."""
        return str(record.id).encode() in self._ids

    def ratings(self) -> tuple[int, ...]:
        """Count the records that gave 1, 2, 3, 4 and 5."""
        return tuple(self._ratings.count(stars) for stars in range(1, 6))

    def extend(self, file: BinaryIO) -> bytes:
        """Scan what was added since, and return the unfinished row at the end if there is one."""
        tail = b""
        for start, piece in _scan(file, self.end, self._pattern):
            self._add_loose(tail)
            self.end, tail = start, b""
            if isinstance(piece, bytes):
                tail = piece
            else:
                self._add_row(start, piece)
                self.end += len(piece[0])
        cut = unfinished(tail, self.names)
        self.loose = bool(tail[:cut])
        self._add_loose(tail[:cut])
        return tail[cut:]

    def still_fits(self, file: BinaryIO) -> bool:
        """Whether the file still holds the last row where it was; if not, someone edited it."""
        if self.loose:
            return False
        if self._last is None:
            return True
        start, row = self._last
        file.seek(start)
        return file.read(len(row)) == row

    def find(self, query: Query) -> list[int]:
        """Return the numbers of the rows with the query's ratings, in its order."""
        if len(self._order) != len(self._ids):
            ids = list(self._ids)
            self._order.extend(range(len(self._order), len(ids)))
            self._order.sort(key=lambda row: (self._times[row], ids[row]))
        wanted = query.ratings or range(1, 6)
        rows = [row for row in self._order if self._ratings[row] in wanted]
        if query.sort == "rating":
            rows.sort(key=self._ratings.__getitem__)
        return rows[::-1] if query.descending else rows

    def read(self, file: BinaryIO, row: int) -> FeedbackRecord | None:
        """Return the record of a row; None if it cannot be read, and then it no longer counts."""
        if row in self._records:
            return self._records[row]
        try:
            [cells] = split(self._raw(file, row).decode())
            return decode(cells, self.names)
        except (ValueError, csv.Error) as error:
            self._ratings[row] = 0
            self._refuse(self._lines[row], error)
            return None

    def mentioning(self, file: BinaryIO, rows: Sequence[int], text: str) -> list[int]:
        """Leave out rows in which the text cannot occur, without making their records."""
        if not text.replace(" ", "").isalnum():  # other text may stand in the file in disguise
            return list(rows)
        wanted = text.casefold()
        return [
            row
            for row in rows
            if row in self._records
            or wanted in self._raw(file, row).decode(errors="replace").casefold()
        ]

    def _raw(self, file: BinaryIO, row: int) -> bytes:
        file.seek(self._starts[row])
        return file.read(self._ends[row] - self._starts[row])

    def _add_row(self, start: int, match: Match[bytes]) -> None:
        row_id, time, rating = match.groups()
        try:
            ticks = _ticks(datetime.fromisoformat(time.decode()))
        except ValueError:
            self._add_loose(match[0])
            return
        self._line += 1
        self._last = (start, match[0][:_SHOWN])
        self._add(row_id, ticks, int(rating), start, start + len(match[0]))

    def _add_loose(self, piece: bytes) -> None:
        """Take in lines that are not as we write them: added or changed by hand, or damaged."""
        try:
            rows = split(piece.decode())
        except (ValueError, csv.Error) as error:
            self._line += 1
            self._refuse(self._line, error)
            return
        for cells in rows:
            self._line += 1
            if not any(cells):
                continue
            try:
                record = decode(cells, self.names)
            except FeedbackError as error:
                self._refuse(self._line, error)
                continue
            row = len(self._ids)
            if self._add(str(record.id).encode(), _ticks(record.time), record.rating, 0, 0):
                self._records[row] = record

    def _add(self, row_id: bytes, ticks: int, rating: int, start: int, end: int) -> bool:
        if row_id in self._ids:
            self._refuse(self._line, FeedbackError("It repeats the id of an earlier row."))
            return False
        self._ids[row_id] = len(self._ids)
        self._starts.append(start)
        self._ends.append(end)
        self._lines.append(self._line)
        self._times.append(ticks)
        self._ratings.append(rating)
        return True

    def _refuse(self, line: int, error: Exception) -> None:
        why = str(error) if isinstance(error, FeedbackError) else "It is damaged."
        self.unreadable.append(f"Row {line:,} is left out: {why[:1].lower()}{why[1:]}")


def _ticks(time: datetime) -> int:
    return (time - _EPOCH) // _TICK


def _scan(
    file: BinaryIO, start: int, pattern: Pattern[bytes]
) -> Iterator[tuple[int, Match[bytes] | bytes]]:
    """Yield each whole row as a match, and whatever stands between and after them as bytes."""
    file.seek(start)
    block, position = file.read(_BLOCK), 0
    while True:
        if match := pattern.match(block, position):
            yield start + position, match
            position = match.end()
        elif following := ROW_START.search(block, position):
            yield start + position, block[position : following.end()]
            position = following.end()
        elif more := file.read(_BLOCK):
            start += position
            block, position = block[position:] + more, 0
        else:
            if position < len(block):
                yield start + position, block[position:]
            return
