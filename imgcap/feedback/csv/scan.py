"""Going through a feedback file: its rows one by one, with other columns, or without some."""

import csv
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from re import Match, Pattern
from typing import BinaryIO, NamedTuple

from imgcap.feedback.csv.format import (
    ROW_START,
    all_columns,
    header,
    line_of,
    row_pattern,
    split,
    unfinished,
)

_BLOCK = 2**22
_NEAR = 2**20


def scan(
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


class Block(NamedTuple):
    """A stretch of a file and the rows in it; `starts` and `sizes` are those of all rows."""

    rows: Sequence[int]
    content: bytes
    starts: Sequence[int]
    sizes: Sequence[int]

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield each row with its line."""
        begin = self.starts[self.rows[0]]
        for row in self.rows:
            start = self.starts[row] - begin
            yield row, self.content[start : start + self.sizes[row]]


def blocks(
    file: BinaryIO, rows: Sequence[int], starts: Sequence[int], sizes: Sequence[int]
) -> Iterator[Block]:
    """Yield the stretches that hold these rows, which stand in order, with those near together."""
    first = 0
    while first < len(rows):
        begin = starts[rows[first]]
        following = bisect_left(rows, begin + _NEAR, first + 1, key=starts.__getitem__)
        part = rows[first:following]
        file.seek(begin)
        yield Block(part, file.read(starts[part[-1]] + sizes[part[-1]] - begin), starts, sizes)
        first = following


def with_all_columns(file: BinaryIO, names: tuple[str, ...], start: int) -> Iterator[bytes]:
    """Yield the content of a file that lacks columns with all of them, without loss.

    Its rows begin at `start`. What cannot be read stays as it is, to be seen and mended.
    """
    columns = all_columns(names)

    def converted(lines: bytes) -> Iterator[bytes]:
        for cells in split(lines.decode()):
            if len(cells) != len(names):
                yield line_of(cells)
                continue
            found = dict(zip(names, cells, strict=True))
            yield line_of([found.get(name, "") for name in columns])

    yield header(columns)
    for _, piece in scan(file, start, row_pattern(names)):
        lines = piece if isinstance(piece, bytes) else piece[0]
        end = unfinished(lines, names) if isinstance(piece, bytes) else len(lines)
        try:
            yield b"".join(converted(lines[:end]))
        except (ValueError, csv.Error):
            yield lines[:end]
        yield lines[end:]


def spliced(file: BinaryIO, cuts: Iterable[tuple[int, int, bytes]]) -> Iterator[bytes]:
    """Yield the file's content, with other bytes in the places of `Index.cuts`."""
    position = 0
    for start, size, instead in cuts:
        yield from _between(file, position, start)
        yield instead
        position = start + size
    yield from _between(file, position, None)


def _between(file: BinaryIO, position: int, end: int | None) -> Iterator[bytes]:
    file.seek(position)
    while block := file.read(_BLOCK if end is None else min(_BLOCK, end - position)):
        yield block
        position += len(block)
