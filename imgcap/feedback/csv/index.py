"""Where the rows of a feedback file lie, and what is needed to count, sort and find them."""

import csv
import re
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from re import Match
from typing import BinaryIO

from imgcap.feedback.csv import cells
from imgcap.feedback.csv.format import decode, row_pattern, split, unfinished, without_rows
from imgcap.feedback.csv.scan import Block, blocks, scan
from imgcap.feedback.record import FeedbackError, FeedbackRecord
from imgcap.feedback.store import Outline, Query, outline_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_SHOWN = 60
_PICTURE = "picture_file"
_SHA256 = re.compile(rb"[0-9a-f]{64}")
_ALL = range(1, 6)


class Index:
    """The rows of a file as far as it has been scanned; about 210 bytes a row.

    Rows are told by their number: 0 is the first.

    Parameters
    ----------
    names : tuple of str
        The file's columns.
    start : int
        Where its first row begins.

    Attributes
    ----------
    end
        Up to where there are only whole rows.
    unreadable
        One sentence a row that is left out.
    pictures
        How many rows name which kept picture; a row that cannot be read may name all that it holds.
    loose
        Whether rows were found after `end`; then a file that changed is scanned anew.
    """

    def __init__(self, names: tuple[str, ...], start: int) -> None:
        self.names = names
        self.end = start
        self.unreadable: list[str] = []
        self.pictures: Counter[bytes] = Counter()
        self.loose = False
        self._pattern = row_pattern(names, frozenset({_PICTURE}))
        self._picture_group = self._pattern.groupindex.get(_PICTURE, 0)
        self._rows: dict[int, int] = {}  # by id
        self._ids: list[int] = []
        self._starts, self._sizes, self._lines = array("Q"), array("I"), array("I")
        self._times, self._ratings = array("q"), bytearray()  # no rating: not to be read
        self._records: dict[int, FeedbackRecord] = {}  # of rows that are not as we write them
        self._others: list[tuple[int, int]] = []  # where lines lie that are no row of the above
        self._line = 1
        self._last: tuple[int, bytes] | None = None
        self._order = array("I")
        self._found: tuple[Query, int, int, array[int]] | None = None

    def __contains__(self, record_id: int) -> bool:
        """Whether a record with this id is stored."""
        return record_id in self._rows

    def extend(self, file: BinaryIO) -> bytes:
        """Scan what was added since, and return the unfinished row at the end if there is one."""
        tail = b""
        for start, piece in scan(file, self.end, self._pattern):
            self._add_loose(self.end, tail)
            self.end, tail = start, b""
            if isinstance(piece, bytes):
                tail = piece
            else:
                self._add_row(start, piece)
                self.end += len(piece[0])
        cut = unfinished(tail, self.names)
        self.loose = bool(tail[:cut])
        self._add_loose(self.end, tail[:cut])
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

    def ratings(self) -> tuple[int, ...]:
        """Count the records that gave 1, 2, 3, 4 and 5."""
        return tuple(map(self._ratings.count, _ALL))

    def rows_of(self, ids: Iterable[int]) -> list[int]:
        """Return the rows with these ids, as far as they are there."""
        return [self._rows[each] for each in ids if each in self._rows]

    def ids_of(self, rows: Iterable[int]) -> list[int]:
        """Return the ids of these rows."""
        return [self._ids[row] for row in rows]

    def find(self, file: BinaryIO, query: Query) -> Sequence[int]:
        """Return the rows that the query finds, in its order."""
        now = (query, len(self._ids), len(self.unreadable))
        if self._found is None or self._found[:3] != now:
            self._found = (*now, array("I", self._search(file, query)))
        return self._found[3]

    def read(self, file: BinaryIO, rows: Sequence[int]) -> list[FeedbackRecord]:
        """Return the records of these rows; what cannot be read no longer counts as one."""
        found = {row: self._records[row] for row in rows if row in self._records}
        for row, line in self._lines_of(file, rows):
            try:
                [values] = split(line.decode())
                found[row] = decode(values, self.names)
            except (ValueError, csv.Error) as error:
                self._ratings[row] = 0
                self._refuse(self._lines[row], error)
        return [found[row] for row in rows if row in found]

    def outlines(self, file: BinaryIO, rows: Sequence[int]) -> Iterator[Outline]:
        """Yield the outlines of these rows, without making their records."""
        pattern = row_pattern(self.names, cells.OUTLINED)
        unclear = [row for row in rows if row in self._records]
        for row, line in self._lines_of(file, rows):
            try:
                yield cells.outline(_whole(pattern.match(line)))
            except ValueError:
                unclear.append(row)
        yield from map(outline_of, self.read(file, unclear))

    def cuts(self, file: BinaryIO, ids: Collection[int]) -> list[tuple[int, int, bytes]]:
        """Return where the rows with these ids lie, in order, and what is to stand there instead.

        Also what cannot be read, but begins with one of the ids, is taken away.
        """
        plain = [row for row in self.rows_of(ids) if row not in self._records]
        cuts = [(self._starts[row], self._sizes[row], b"") for row in plain]
        file.seek(self.end)
        others = [*self._others, (self.end, len(file.read()))]
        for start, size in others:
            file.seek(start)
            lines = file.read(size)
            left = without_rows(lines, ids)
            if left != lines:
                cuts.append((start, size, left))
        return sorted(cuts)

    def _search(self, file: BinaryIO, query: Query) -> Sequence[int]:
        ratings, times = self._ratings, self._times
        wanted = query.ratings & {*_ALL} if query.ratings else _ALL
        since = None if query.since is None else _ticks(query.since)
        before = None if query.before is None else _ticks(query.before)
        rows: Sequence[int] = [
            row
            for row in self._ordered()
            if ratings[row] in wanted
            and (since is None or times[row] >= since)
            and (before is None or times[row] < before)
        ]
        if query.words or query.session:
            found = bytearray(len(self._ids))
            for row in self._matching(file, sorted(rows), query):
                found[row] = True
            rows = [row for row in rows if found[row]]
        if query.sort == "rating":
            rows = sorted(rows, key=ratings.__getitem__)
        return rows[::-1] if query.descending else rows

    def _ordered(self) -> Sequence[int]:
        """Return all rows by time, and those of equal time by id."""
        times, ids, order = self._times, self._ids, self._order

        def by_time(rows: Iterable[int]) -> list[int]:  # twice is quicker than once by pairs
            return sorted(sorted(rows, key=ids.__getitem__), key=times.__getitem__)

        if len(order) < len(ids):
            new = by_time(range(len(order), len(ids)))
            late = order and (times[order[-1]], ids[order[-1]]) > (times[new[0]], ids[new[0]])
            order.extend(new)
            if late:
                self._order = array("I", by_time(order))
        return self._order

    def _matching(self, file: BinaryIO, rows: Sequence[int], query: Query) -> Iterator[int]:
        """Yield the rows with the query's words and session, and those that are unclear."""
        pattern = row_pattern(self.names, cells.SEARCHED)
        yield from (row for row in rows if row in self._records and query.finds(self._records[row]))
        needles = cells.needles(query)
        for block in self._blocks_of(file, rows):
            if not cells.may_hold(block.content, needles):
                continue
            for row, line in block.lines():
                if not cells.may_hold(line, needles):
                    continue
                try:
                    if cells.finds(query, _whole(pattern.match(line))):
                        yield row
                except ValueError:
                    yield from (row for record in self.read(file, [row]) if query.finds(record))

    def _lines_of(self, file: BinaryIO, rows: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Yield the rows that are to be read from the file, in its order, with their lines."""
        for block in self._blocks_of(file, rows):
            yield from block.lines()

    def _blocks_of(self, file: BinaryIO, rows: Iterable[int]) -> Iterator[Block]:
        """Yield the stretches of the file that hold rows to be read from it."""
        wanted = sorted(row for row in rows if self._ratings[row] and row not in self._records)
        return blocks(file, wanted, self._starts, self._sizes)

    def _add_row(self, start: int, match: Match[bytes]) -> None:
        row_id, time, rating = match.group(1, 2, 3)
        try:
            ticks = _ticks(datetime.fromisoformat(time.decode()))
        except ValueError:
            self._add_loose(start, match[0])
            return
        if self._picture_group and match[self._picture_group]:
            self._add_pictures(match[self._picture_group])
        self._line += 1
        self._last = (start, match[0][:_SHOWN])
        if not self._add(
            int(row_id.replace(b"-", b""), 16), ticks, int(rating), start, len(match[0])
        ):
            self._others.append((start, len(match[0])))

    def _add_loose(self, start: int, piece: bytes) -> None:
        """Take in lines that are not as we write them: added or changed by hand, or damaged."""
        if not piece:
            return
        self._others.append((start, len(piece)))
        try:
            rows = split(piece.decode())
        except (ValueError, csv.Error) as error:
            self._line += 1
            self._add_pictures(piece)
            self._refuse(self._line, error)
            return
        for values in rows:
            self._line += 1
            if not any(values):
                continue
            try:
                record = decode(values, self.names)
            except FeedbackError as error:
                self._add_pictures("\n".join(values).encode())
                self._refuse(self._line, error)
                continue
            self._add_pictures(record.picture_file.encode())
            row = len(self._ids)
            if self._add(record.id.int, _ticks(record.time), record.rating, 0, 0):
                self._records[row] = record

    def _add_pictures(self, lines: bytes) -> None:
        self.pictures.update({bytes.fromhex(each.decode()) for each in _SHA256.findall(lines)})

    def _add(self, row_id: int, ticks: int, rating: int, start: int, size: int) -> bool:
        if row_id in self._rows:
            self._refuse(self._line, FeedbackError("It repeats the id of an earlier row."))
            return False
        self._rows[row_id] = len(self._ids)
        self._ids.append(row_id)
        self._starts.append(start)
        self._sizes.append(size)
        self._lines.append(self._line)
        self._times.append(ticks)
        self._ratings.append(rating)
        return True

    def _refuse(self, line: int, error: Exception) -> None:
        why = str(error) if isinstance(error, FeedbackError) else "It is damaged."
        self.unreadable.append(f"Row {line:,} is left out: {why[:1].lower()}{why[1:]}")


def _ticks(time: datetime) -> int:
    return (time - _EPOCH) // _TICK


def _whole(match: Match[bytes] | None) -> Match[bytes]:
    if match is None:
        raise ValueError
    return match
